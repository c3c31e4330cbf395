package dev.runinvm.engine.para;

import dev.runinvm.engine.x86.Cpu;
import dev.runinvm.engine.x86.CpuException;
import dev.runinvm.engine.x86.CpuState;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The hypercalls by number (xen/include/public/xen.h). Every pointer is the guest's kernel's: what it may not read or
 * write itself is -EFAULT. Every number that is none of ours is -ENOSYS.
 */
final class Hypercalls implements PvCpu.HypercallHandler {
    static final int SET_TRAP_TABLE = 0;
    static final int MMU_UPDATE = 1;
    static final int SET_GDT = 2;
    static final int STACK_SWITCH = 3;
    static final int FPU_TASKSWITCH = 5;
    static final int SET_DEBUGREG = 8;
    static final int GET_DEBUGREG = 9;
    static final int UPDATE_DESCRIPTOR = 10;
    static final int MEMORY_OP = 12;
    static final int MULTICALL = 13;
    static final int UPDATE_VA_MAPPING = 14;
    static final int SET_TIMER_OP = 15;
    static final int XEN_VERSION = 17;
    static final int CONSOLE_IO = 18;
    static final int GRANT_TABLE_OP = 20;
    static final int VM_ASSIST = 21;
    static final int IRET = 23;
    static final int VCPU_OP = 24;
    static final int SET_SEGMENT_BASE = 25;
    static final int MMUEXT_OP = 26;
    static final int SCHED_OP = 29;
    static final int CALLBACK_OP = 30;
    static final int EVENT_CHANNEL_OP = 32;
    static final int PHYSDEV_OP = 33;

    private static final int COUNT = 64;
    private static final int R8 = 8;
    private static final int R10 = 10;
    /** Calls in one multicall; Linux makes 32 at most. */
    private static final long MULTICALL_MOST = 1 << 16;

    private static final String[] NAMES = new String[COUNT];

    /** One hypercall. Throws {@link XenError}, or {@link CpuException} where a pointer is bad. */
    interface Call {
        /**
         * Carries it out.
         *
         * @param a its five arguments
         * @return its result, not negative
         */
        long call(Cpu cpu, long[] a);
    }

    private final @Nullable Call[] calls = new @Nullable Call[COUNT];
    private final long[] counts = new long[COUNT];
    private final long[] arguments = new long[6];
    private final PvCpu pv;
    private boolean inMulticall;
    /** Calls of numbers that are not offered. */
    private long unknown;

    Hypercalls(PvCpu pv) {
        this.pv = pv;
        register(MULTICALL, "multicall", this::multicall);
        register(IRET, "iret", (cpu, a) -> 0);
        name(35, "hvm_op");
        name(7, "platform_op");
    }

    void register(int number, String name, Call call) {
        calls[number] = call;
        name(number, name);
    }

    private static void name(int number, String name) {
        NAMES[number] = name;
    }

    @Override
    public long call(Cpu cpu, int number) {
        CpuState s = cpu.s;
        if (number == IRET) {
            counts[IRET]++;
            pv.iretHypercall(cpu);
            return 0;
        }
        long[] a = arguments;
        a[0] = s.gpr[CpuState.RDI];
        a[1] = s.gpr[CpuState.RSI];
        a[2] = s.gpr[CpuState.RDX];
        a[3] = s.gpr[R10];
        a[4] = s.gpr[R8];
        return dispatch(cpu, number, a);
    }

    private long dispatch(Cpu cpu, long number, long[] a) {
        Call call = number >= 0 && number < COUNT ? calls[(int) number] : null;
        if (call == null) {
            unknown++;
            return -XenError.ENOSYS;
        }
        counts[(int) number]++;
        try {
            return call.call(cpu, a);
        } catch (XenError e) {
            return -e.number;
        } catch (CpuException e) {
            return -XenError.EFAULT;
        }
    }

    /** multicall: an array of {op, result, six arguments}, each carried out, each with its result. */
    private long multicall(Cpu cpu, long[] a) {
        long list = a[0];
        long count = a[1] & 0xffff_ffffL;
        if (inMulticall || count > MULTICALL_MOST) {
            throw XenError.invalid();
        }
        long[] inner = new long[6];
        inMulticall = true;
        try {
            for (long i = 0; i < count; i++) {
                long at = list + 64 * i;
                long op = cpu.mmu.read64(at);
                for (int n = 0; n < 6; n++) {
                    inner[n] = cpu.mmu.read64(at + 16 + 8L * n);
                }
                long result = op == IRET ? -XenError.ENOSYS : dispatch(cpu, op, inner);
                cpu.mmu.write64(at + 8, result);
            }
        } finally {
            inMulticall = false;
        }
        return 0;
    }

    /** Calls by name. */
    Map<String, Long> counters() {
        Map<String, Long> all = new TreeMap<>();
        long total = unknown;
        for (int i = 0; i < COUNT; i++) {
            if (counts[i] > 0) {
                all.put("hypercalls." + NAMES[i], counts[i]);
                total += counts[i];
            }
        }
        all.put("hypercalls", total);
        all.put("hypercalls.unknown", unknown);
        return all;
    }
}
