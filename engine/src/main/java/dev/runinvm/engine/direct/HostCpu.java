package dev.runinvm.engine.direct;

import dev.runinvm.engine.EngineBug;
import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.os.Host;
import dev.runinvm.engine.os.TimeStampCounter;
import dev.runinvm.engine.os.TimeStampCounter.Reading;
import dev.runinvm.engine.x86.CpuState;
import dev.runinvm.engine.x86.HostCpuid;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The CPU this JVM runs on, as user code finds it: CPUID, XCR0 and the time-stamp counter, asked in a jailed process
 * because Java can't execute those instructions. The answers do not change while the JVM lives. Thread-safe.
 */
public final class HostCpu implements HostCpuid {
    private static final byte[] CPUID = {0x0f, (byte) 0xa2};
    private static final byte[] XGETBV = {0x0f, 0x01, (byte) 0xd0};
    private static final byte[] RDTSC = {0x0f, 0x31};
    private static final int SAMPLES = 8;
    private static final long MEASURE_NANOS = 40_000_000;

    private static @Nullable HostCpu instance;

    private final Map<Long, int[]> leaves = new ConcurrentHashMap<>();
    private final long xcr0;
    private final int xsaveSize;
    private final boolean cpuidFaulting;
    private final long tscHz;
    /** A moment at which both clocks were read: nanoTime and time-stamp counter. */
    private final long nanos;

    private final long tsc;

    private HostCpu() {
        try (InstructionRunner runner = new InstructionRunner(true)) {
            // Whether CPUID can be made to fault, found out in a process that did so.
            this.cpuidFaulting = runner.cpuidFaults();
        }
        TimeStampCounter counter = TimeStampCounter.open().orElse(null);
        try (counter;
                InstructionRunner runner = new InstructionRunner()) {
            CpuState s = newState();
            run(runner, s, XGETBV);
            this.xcr0 = s.gpr[CpuState.RAX] & 0xffff_ffffL | s.gpr[CpuState.RDX] << 32;
            this.xsaveSize = runner.xstateSize();
            Reading first = counter != null ? counter.read() : sample(runner, s);
            long known = Host.tscHz();
            readLeaves(runner, s);
            if (known == 0) {
                // The kernel would not tell; measure.
                while (System.nanoTime() - first.nanos() < MEASURE_NANOS) {
                    Thread.onSpinWait();
                }
                Reading second = counter != null ? counter.read() : sample(runner, s);
                known = Math.round((second.ticks() - first.ticks()) * 1e9 / (second.nanos() - first.nanos()));
            }
            this.tscHz = known;
            this.nanos = first.nanos();
            this.tsc = first.ticks();
        }
    }

    /**
     * Looks at this machine's CPU; the first call in a JVM takes some milliseconds.
     *
     * @throws HostLacks if processes for guest code can't be had on this machine
     */
    public static synchronized HostCpu probe() {
        if (instance == null) {
            List<String> reasons = DirectExecution.check();
            if (!reasons.isEmpty()) {
                throw new HostLacks("guest code cannot run directly on this machine: " + String.join("; ", reasons));
            }
            instance = new HostCpu();
        }
        return instance;
    }

    /** Reads both clocks in another process, as close together as a few attempts allow. */
    private static Reading sample(InstructionRunner runner, CpuState s) {
        long best = Long.MAX_VALUE;
        Reading sample = new Reading(0, 0);
        for (int i = 0; i < SAMPLES; i++) {
            run(runner, s, RDTSC);
            long spread = runner.nanosAfter() - runner.nanosBefore();
            if (spread < best) {
                best = spread;
                long counter = s.gpr[CpuState.RAX] & 0xffff_ffffL | s.gpr[CpuState.RDX] << 32;
                sample = new Reading(runner.nanosBefore() + spread / 2, counter);
            }
        }
        return sample;
    }

    private void readLeaves(InstructionRunner runner, CpuState s) {
        for (int base : new int[] {0, 0x8000_0000}) {
            int[] head = execute(runner, s, base, 0);
            leaves.put(key(base, 0), head);
            int last = Integer.compareUnsigned(head[0] - base, 0x40) > 0 ? base : head[0];
            for (int leaf = base + 1; leaf - last <= 0; leaf++) {
                leaves.put(key(leaf, 0), execute(runner, s, leaf, 0));
            }
        }
        for (int leaf : new int[] {4, 7, 0xb, 0xd, 0x8000_001d}) {
            for (int sub = 1; sub < (leaf == 0xd ? 20 : 5); sub++) {
                leaves.put(key(leaf, sub), execute(runner, s, leaf, sub));
            }
        }
    }

    private static long key(int eax, int ecx) {
        return (long) eax << 32 | ecx & 0xffff_ffffL;
    }

    private static int[] execute(InstructionRunner runner, CpuState s, int eax, int ecx) {
        s.gpr[CpuState.RAX] = eax;
        s.gpr[CpuState.RCX] = ecx;
        run(runner, s, CPUID);
        return new int[] {
            (int) s.gpr[CpuState.RAX], (int) s.gpr[CpuState.RBX], (int) s.gpr[CpuState.RCX], (int) s.gpr[CpuState.RDX]
        };
    }

    private static void run(InstructionRunner runner, CpuState s, byte[] code) {
        InstructionRunner.End end = runner.run(s, code);
        if (end != InstructionRunner.End.COMPLETED) {
            throw new EngineBug("probing the CPU ended with " + end + ": " + runner);
        }
    }

    private static CpuState newState() {
        CpuState s = new CpuState();
        s.xstate = ByteBuffer.allocate(8192).order(ByteOrder.LITTLE_ENDIAN);
        s.xstate.putShort(0, (short) 0x37f);
        s.xstate.putInt(24, 0x1f80);
        return s;
    }

    @Override
    public int[] leaf(int eax, int ecx) {
        int[] known = leaves.get(key(eax, ecx));
        if (known == null) {
            try (InstructionRunner runner = new InstructionRunner()) {
                known = execute(runner, newState(), eax, ecx);
            }
            leaves.put(key(eax, ecx), known);
        }
        return known.clone();
    }

    /** XCR0: the state components the host's kernel has switched on. */
    public long xcr0() {
        return xcr0;
    }

    /** Bytes of {@link CpuState#xstate} in the standard layout with all components the host saves. */
    public int xsaveSize() {
        return xsaveSize;
    }

    /** Whether CPUID can be made to trap; if not, guest programs see the host's CPUID. */
    public boolean cpuidFaulting() {
        return cpuidFaulting;
    }

    /** Whether user code may read and write the FS and GS bases itself. */
    public boolean fsGsBase() {
        return Host.hasFsGsBase();
    }

    /** Ticks of the time-stamp counter in a second. */
    public long tscHz() {
        return tscHz;
    }

    /** How many mappings a process may have (sysctl vm.max_map_count). */
    public long maxMapCount() {
        return Host.sysctl("vm/max_map_count", 65530);
    }

    /** Bytes the kernel may write for a signal (AT_MINSIGSTKSZ), 0 if it does not say. */
    public int minSignalStack() {
        return Host.minSignalStack();
    }

    long sampleNanos() {
        return nanos;
    }

    long sampleTsc() {
        return tsc;
    }
}
