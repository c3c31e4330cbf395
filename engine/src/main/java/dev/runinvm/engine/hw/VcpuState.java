package dev.runinvm.engine.hw;

import dev.runinvm.engine.SnapshotUnusable;
import dev.runinvm.engine.machine.StateReader;
import dev.runinvm.engine.machine.StateWriter;
import dev.runinvm.engine.os.kvm.KvmException;
import dev.runinvm.engine.os.kvm.KvmStatePart;
import dev.runinvm.engine.os.kvm.KvmVcpu;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** All of a processor that a guest could tell the value of, written down and read back. The processor is out of the guest. */
final class VcpuState {
    /** The timer of the local APIC that fires when the counter has reached a value; only in that mode it can be set. */
    private static final int TSC_DEADLINE = 0x6e0;

    private static final int TSC = 0x10;
    /**
     * KVM takes a counter that is set to within a second of what it shows for one that is to run in step with the other
     * processors', and does not set it. For the first one that would be wrong.
     */
    private static final long FAR_AWAY = 1L << 50;

    /** Hyper-V's, of which no guest is told; one of them is a clock. */
    private static final int HYPER_V = 0x4000_0000;

    private static final int HYPER_V_END = 0x4000_0200;

    private static final int MTRR_VARIABLE = 0x200;
    private static final int MTRR_VARIABLES = 16;
    /** The fixed ranges, and what holds elsewhere. KVM's own list leaves out all memory type registers. */
    private static final List<Integer> MTRR_FIXED =
            List.of(0x250, 0x258, 0x259, 0x268, 0x269, 0x26a, 0x26b, 0x26c, 0x26d, 0x26e, 0x26f, 0x2ff);

    private static final int MOST_MSRS = 4096;

    private VcpuState() {}

    /** The registers to be kept, in the order in which they are to be set. @param known to KVM */
    static List<Integer> msrNumbers(List<Integer> known) {
        List<Integer> all = new ArrayList<>(known);
        all.removeIf(number -> number >= HYPER_V && number < HYPER_V_END);
        all.addAll(MTRR_FIXED);
        for (int i = 0; i < MTRR_VARIABLES; i++) {
            all.add(MTRR_VARIABLE + i);
        }
        if (all.remove((Integer) TSC_DEADLINE)) {
            all.add(TSC_DEADLINE);
        }
        return all;
    }

    static void save(KvmVcpu cpu, List<Integer> msrs, StateWriter out) {
        out.section("vcpu", 1);
        // The deadline before the APIC: one that passes in between is then kept twice and not lost, and twice does no
        // harm.
        Map<Integer, Long> values = cpu.msrs(msrs);
        for (KvmStatePart part : KvmStatePart.values()) {
            out.putBytes(part.name(), cpu.has(part) ? cpu.state(part) : new byte[0]);
        }
        out.putInt("msrs", values.size());
        values.forEach((number, value) -> {
            out.putInt("msr", number);
            out.putLong("value", value);
        });
    }

    /**
     * Replaces the state by what {@link #save} wrote.
     *
     * @param first whether it is the machine's first processor, after whose counter the others' are set
     */
    static void load(KvmVcpu cpu, boolean first, StateReader in) {
        in.section("vcpu", 1);
        Map<KvmStatePart, byte[]> parts = new LinkedHashMap<>();
        for (KvmStatePart part : KvmStatePart.values()) {
            byte[] bytes = in.getBytes(part.name());
            if (bytes.length != (cpu.has(part) ? cpu.size(part) : 0)) {
                throw new SnapshotUnusable("it was made on another processor: its " + part + " has " + bytes.length
                        + " bytes, here " + cpu.size(part));
            }
            if (cpu.has(part)) {
                parts.put(part, bytes);
            }
        }
        int count = in.getInt("msrs");
        if (count < 0 || count > MOST_MSRS) {
            throw new SnapshotUnusable("it speaks of " + count + " model-specific registers");
        }
        Map<Integer, Long> msrs = new LinkedHashMap<>();
        for (int i = 0; i < count; i++) {
            msrs.put(in.getInt("msr"), in.getLong("value"));
        }
        try {
            parts.forEach((part, bytes) -> {
                if (part == KvmStatePart.EVENTS) {
                    if (first) {
                        cpu.setMsr(TSC, msrs.getOrDefault(TSC, 0L) + FAR_AWAY);
                    }
                    msrs.forEach((number, value) -> setMsr(cpu, number, value));
                }
                cpu.setState(part, bytes);
            });
        } catch (KvmException e) {
            throw new SnapshotUnusable("KVM does not take its state: " + e.getMessage(), e);
        }
    }

    /** Some registers cannot be written, or only with what they hold: that must then be the same. */
    private static void setMsr(KvmVcpu cpu, int number, long value) {
        if (!cpu.setMsr(number, value)) {
            Long now = cpu.msrs(List.of(number)).get(number);
            if (now == null || now != value) {
                throw new SnapshotUnusable("KVM does not take the value 0x" + Long.toHexString(value)
                        + " of model-specific register 0x" + Integer.toHexString(number) + ", here it "
                        + (now == null ? "has none" : "is 0x" + Long.toHexString(now)));
            }
        }
    }
}
