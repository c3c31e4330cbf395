package dev.runinvm.engine.hw;

import dev.runinvm.engine.os.kvm.CpuidEntry;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

class GuestCpuidTest {
    private static final List<CpuidEntry> SUPPORTED = List.of(
            new CpuidEntry(0, 0, 0, 0x1f, 1, 2, 3),
            new CpuidEntry(1, 0, 0, 0x800f12, 0x0710_0800, 1 << 31 | 1 << 21 | 1, 1 << 28 | 1),
            new CpuidEntry(4, 3, 1, 0xfc1f_c163, 5, 6, 7),
            new CpuidEntry(0xa, 0, 0, 0x0730_0404, 0, 0, 0x603),
            new CpuidEntry(0xb, 0, 1, 1, 2, 0x100, 7),
            new CpuidEntry(0x4000_0000, 0, 0, 0x4000_0001, 0x4b4d_564b, 0x564b_4d56, 0x4d),
            new CpuidEntry(0x4000_0001, 0, 0, 0x0100_7efb, 0, 0, 0),
            new CpuidEntry(0x8000_0008, 0, 0, 0x3030, 0, 0x700f, 0));

    private static Optional<CpuidEntry> leaf(GuestCpuid cpuid, int id, int function) {
        return cpuid.of(id).stream().filter(e -> e.function() == function).findFirst();
    }

    @Test
    void ahypervisorLeavesNoTrace() {
        GuestCpuid cpuid = new GuestCpuid(SUPPORTED, 1, true, false);
        assertTrue(cpuid.of(0).stream().noneMatch(e -> e.function() >>> 16 == 0x4000));
        CpuidEntry features = leaf(cpuid, 0, 1).orElseThrow();
        assertEquals(1 << 24 | 1, features.ecx(), "TSC deadline, what was there, and neither hypervisor nor x2APIC");
        assertEquals(1, features.edx(), "no threads");
    }

    @Test
    void orItIsTold() {
        GuestCpuid cpuid = new GuestCpuid(SUPPORTED, 1, false, true);
        assertEquals(0x4b4d_564b, leaf(cpuid, 0, 0x4000_0000).orElseThrow().ebx());
        assertEquals(0x0100_7efb, leaf(cpuid, 0, 0x4000_0001).orElseThrow().eax());
        assertEquals(1 << 31 | 1 << 21 | 1, leaf(cpuid, 0, 1).orElseThrow().ecx());
    }

    /** Snapshots have nothing of the guests that a guest runs itself. */
    @Test
    void nestedVirtualizationIsNotOffered() {
        List<CpuidEntry> nesting = List.of(
                new CpuidEntry(1, 0, 0, 0, 0, 1 << 5 | 1, 0), new CpuidEntry(0x8000_0001, 0, 0, 0, 0, 1 << 2 | 1, 0));
        for (boolean hypervisor : new boolean[] {false, true}) {
            GuestCpuid cpuid = new GuestCpuid(nesting, 1, false, hypervisor);
            assertEquals(0, leaf(cpuid, 0, 1).orElseThrow().ecx() & 1 << 5, "vmx");
            assertEquals(1, leaf(cpuid, 0, 0x8000_0001).orElseThrow().ecx(), "svm");
        }
    }

    @Test
    void processorsAreTheGuestsAndNotTheHosts() {
        GuestCpuid cpuid = new GuestCpuid(SUPPORTED, 4, true, false);
        CpuidEntry features = leaf(cpuid, 2, 1).orElseThrow();
        assertEquals(2, features.ebx() >>> 24);
        assertEquals(4, features.ebx() >> 16 & 0xff);
        assertEquals(0x0800, features.ebx() & 0xffff);
        assertEquals(1 << 28 | 1, features.edx());
        CpuidEntry caches = leaf(cpuid, 2, 4).orElseThrow();
        assertEquals(3, caches.eax() >>> 26);
        assertEquals(3, caches.eax() >> 14 & 0xfff);
        assertEquals(0x0163, caches.eax() & 0x3fff);
        assertEquals(3, leaf(cpuid, 2, 0x8000_0008).orElseThrow().ecx());
        assertTrue(leaf(cpuid, 2, 0xb).isEmpty());
        assertEquals(0, leaf(cpuid, 2, 0xa).orElseThrow().eax());
    }
}
