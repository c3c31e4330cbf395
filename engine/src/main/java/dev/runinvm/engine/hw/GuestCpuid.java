package dev.runinvm.engine.hw;

import dev.runinvm.engine.os.kvm.CpuidEntry;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What CPUID answers in a guest: what the processor and KVM can do, without a hypervisor's traces unless they are asked
 * for, and with the guest's own processors instead of the host's.
 */
final class GuestCpuid {
    private static final int FEATURES = 1;
    private static final int INTEL_CACHES = 4;
    private static final int POWER = 6;
    private static final int PERFORMANCE_COUNTERS = 0xa;
    private static final int TOPOLOGY = 0xb;
    private static final int TOPOLOGY_2 = 0x1f;
    private static final int HYPERVISOR_BASE = 0x4000_0000;
    private static final int HYPERVISOR_END = 0x4001_0000;
    private static final int AMD_FEATURES = 0x8000_0001;
    private static final int AMD_SIZES = 0x8000_0008;
    private static final int AMD_CACHES = 0x8000_001d;
    private static final int AMD_TOPOLOGY = 0x8000_001e;

    private static final int ECX_VMX = 1 << 5;
    private static final int ECX_SVM = 1 << 2;
    private static final int ECX_X2APIC = 1 << 21;
    private static final int ECX_TSC_DEADLINE = 1 << 24;
    private static final int ECX_HYPERVISOR = 1 << 31;
    private static final int EDX_HTT = 1 << 28;
    private static final int EAX_ARAT = 1 << 2;

    private final List<CpuidEntry> supported;
    private final int cpus;
    private final boolean tscDeadline;
    private final boolean hypervisor;

    /**
     * For one guest.
     *
     * @param supported as KVM says
     * @param cpus number of the guest's processors
     * @param tscDeadline whether KVM's local APIC has the TSC-deadline timer; its leaves never say so
     * @param hypervisor whether the guest is told of KVM, its clock and the rest
     */
    GuestCpuid(List<CpuidEntry> supported, int cpus, boolean tscDeadline, boolean hypervisor) {
        this.supported = List.copyOf(supported);
        this.cpus = cpus;
        this.tscDeadline = tscDeadline;
        this.hypervisor = hypervisor;
    }

    /** The leaves of one processor. @param id of its local APIC, from 0 */
    List<CpuidEntry> of(int id) {
        List<CpuidEntry> leaves = new ArrayList<>();
        for (CpuidEntry e : supported) {
            CpuidEntry leaf = leaf(e, id);
            if (leaf != null) {
                leaves.add(leaf);
            }
        }
        return leaves;
    }

    private @Nullable CpuidEntry leaf(CpuidEntry e, int id) {
        int f = e.function();
        if (f >= HYPERVISOR_BASE && f < HYPERVISOR_END) {
            return hypervisor ? e : null;
        }
        return switch (f) {
            case FEATURES -> features(e, id);
            case INTEL_CACHES -> e.eax() == 0 ? e : e.with(caches(e.eax()) | cpus - 1 << 26, e.ebx(), e.ecx(), e.edx());
            // Of power management the guest learns that its APIC's timer never stops.
            case POWER -> e.with(EAX_ARAT, 0, 0, 0);
            // Their counts would be of no use: the kernel's profiler and its watchdog would try them.
            case PERFORMANCE_COUNTERS -> e.with(0, 0, 0, 0);
            // They tell of the host's packages; without them leaves 1 and 4 are asked, which tell of the guest's.
            case TOPOLOGY, TOPOLOGY_2 -> null;
            // Guests of a guest's: what KVM keeps of them is not written into snapshots.
            case AMD_FEATURES -> e.with(e.eax(), e.ebx(), e.ecx() & ~ECX_SVM, e.edx());
            case AMD_SIZES -> e.with(e.eax(), e.ebx(), cpus - 1, e.edx());
            case AMD_CACHES -> e.eax() == 0 ? e : e.with(caches(e.eax()), e.ebx(), e.ecx(), e.edx());
            case AMD_TOPOLOGY -> e.with(id, id, 0, 0);
            default -> e;
        };
    }

    private CpuidEntry features(CpuidEntry e, int id) {
        int ecx = e.ecx() & ~(ECX_VMX | ECX_HYPERVISOR | ECX_TSC_DEADLINE | (hypervisor ? 0 : ECX_X2APIC))
                | (hypervisor ? ECX_HYPERVISOR : 0)
                | (tscDeadline ? ECX_TSC_DEADLINE : 0);
        int edx = e.edx() & ~EDX_HTT | (cpus > 1 ? EDX_HTT : 0);
        return e.with(e.eax(), e.ebx() & 0xffff | cpus << 16 | id << 24, ecx, edx);
    }

    /** First and second level belong to one processor, the third to all; no two are threads of one core. */
    private int caches(int eax) {
        int level = eax >> 5 & 7;
        return eax & 0x3fff | (level >= 3 ? cpus - 1 << 14 : 0);
    }
}
