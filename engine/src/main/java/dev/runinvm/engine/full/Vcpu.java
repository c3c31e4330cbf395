package dev.runinvm.engine.full;

import dev.runinvm.engine.direct.DirectEngine;
import dev.runinvm.engine.direct.Trap;
import dev.runinvm.engine.guest.RestPoint;
import dev.runinvm.engine.guest.Stop;
import dev.runinvm.engine.machine.DeadlineAlarm;
import dev.runinvm.engine.machine.Pc;
import dev.runinvm.engine.machine.TimeSource;
import dev.runinvm.engine.x86.Cpu;
import dev.runinvm.engine.x86.CpuException;
import dev.runinvm.engine.x86.CpuState;
import dev.runinvm.engine.x86.FarControl;
import dev.runinvm.engine.x86.Interpreter;
import dev.runinvm.engine.x86.Interrupts;
import dev.runinvm.engine.x86.TripleFault;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/**
 * The processor's life: ring 0 in the interpreter, ring 3 on the real CPU, interrupts and time in between. All of it on
 * one thread; {@link #wake()} and {@link #stop()} may come from any.
 */
final class Vcpu {
    private final Cpu cpu;
    private final CpuState s;
    private final Pc pc;
    private final DirectEngine direct;
    private final TimeSource time;
    private final Interpreter interpreter;
    private final BooleanSupplier switchedOff;
    /** Where it stands still for others. */
    final RestPoint rest = new RestPoint(this::wake);

    private volatile boolean stopping;
    private volatile boolean sleeping;
    private volatile Thread thread = Thread.currentThread();

    private long halts;
    private long haltNanos;
    private long kernelNanos;
    private long userNanos;
    private long emulated;
    private long lostContexts;

    /**
     * Wires the processor to its machine.
     *
     * @param switchedOff whether the kernel has said that it has switched the machine off. A PC without ACPI cannot do
     *     that by itself: it goes on idling until somebody presses the button, which is then for us to do.
     */
    Vcpu(Cpu cpu, Interpreter interpreter, Pc pc, DirectEngine direct, TimeSource time, BooleanSupplier switchedOff) {
        this.cpu = cpu;
        this.s = cpu.s;
        this.pc = pc;
        this.direct = direct;
        this.time = time;
        this.interpreter = interpreter;
        this.switchedOff = switchedOff;
        cpu.mmu.setListener(direct);
        direct.setWritableListener(interpreter.cache()::dropPage);
        cpu.vectorUnit = direct.vectorUnit();
    }

    /** Makes the loop look at devices and requests soon. Any thread. */
    void wake() {
        cpu.requestAttention();
        direct.preempt();
        if (sleeping) {
            LockSupport.unpark(thread);
        }
    }

    /** Makes {@link #run} return soon. Any thread. */
    void stop() {
        stopping = true;
        wake();
    }

    /** Runs until the guest ends. */
    Stop run() {
        thread = Thread.currentThread();
        DeadlineAlarm alarm = new DeadlineAlarm(time, cpu::requestAttention);
        pc.setDeadlineListener(alarm::arm);
        alarm.arm(pc.nextDeadlineNanos());
        try (alarm) {
            while (!stopping) {
                if (cpu.attention()) {
                    cpu.clearAttention();
                }
                long now = time.nanos();
                if (pc.attention() || now >= pc.nextDeadlineNanos()) {
                    pc.advance(now);
                }
                String reset = pc.resetRequested();
                if (reset != null) {
                    return new Stop(Stop.Kind.RESET, reset);
                }
                Interrupts.acceptIfPending(cpu);
                rest.reached(s.halted && !pc.pic.pending());
                if (s.halted) {
                    if (!s.interruptsEnabled()) {
                        return new Stop(Stop.Kind.HALTED, "halted with interrupts off");
                    }
                    if (switchedOff.getAsBoolean()) {
                        return new Stop(Stop.Kind.HALTED, "idle after the kernel's last word");
                    }
                    halt(now);
                } else if (s.cpl == 3) {
                    ring3(now);
                } else {
                    ring0(now);
                }
            }
            return new Stop(Stop.Kind.STOPPED, "");
        } catch (TripleFault e) {
            return new Stop(Stop.Kind.TRIPLE_FAULT, e.getMessage() + ", at " + where());
        } finally {
            rest.finish();
        }
    }

    private void halt(long now) {
        long deadline = pc.nextDeadlineNanos();
        if (pc.pic.pending() || deadline <= now) {
            return;
        }
        halts++;
        sleeping = true;
        try {
            if (!cpu.attention() && !stopping) {
                LockSupport.parkNanos(this, Math.min(deadline - now, 1_000_000_000L));
            }
        } finally {
            sleeping = false;
        }
        haltNanos += time.nanos() - now;
    }

    private void ring0(long now) {
        interpreter.run();
        kernelNanos += time.nanos() - now;
    }

    private void ring3(long now) {
        Trap trap = direct.run(cpu, Math.max(0, pc.nextDeadlineNanos() - now));
        userNanos += time.nanos() - now;
        try {
            switch (trap.kind()) {
                case SYSCALL -> FarControl.syscall(cpu, s.rip);
                case INT80 -> FarControl.interrupt(cpu, 0x80, s.rip);
                case EXCEPTION -> Interrupts.raise(cpu, trap.exception());
                case EMULATE -> emulate(trap);
                case PREEMPTED -> {}
                case LOST -> {
                    // The process's own scribbling destroyed the state it ran with; to it that is a fault of its own.
                    lostContexts++;
                    Interrupts.raise(cpu, CpuException.of(CpuException.GP, 0));
                }
            }
        } catch (CpuException e) {
            Interrupts.raise(cpu, e);
        }
    }

    private void emulate(Trap trap) {
        long before = interpreter.instructions;
        try {
            if (trap.wholePage()) {
                interpreter.steps(trap.address());
            } else {
                interpreter.step();
            }
        } finally {
            long count = interpreter.instructions - before;
            emulated += count;
            if (trap.wholePage()) {
                direct.interpreted((int) count);
            }
        }
    }

    /** Where the processor is, for messages. */
    String where() {
        return "RIP 0x" + Long.toHexString(s.rip) + ", CPL " + s.cpl + ", CR3 0x" + Long.toHexString(s.cr3) + ", RSP 0x"
                + Long.toHexString(s.gpr[CpuState.RSP]);
    }

    Map<String, Long> counters() {
        Map<String, Long> all = new TreeMap<>();
        all.put("cpu.instructionsInterpreted", interpreter.instructions);
        all.put("cpu.blocksDecoded", interpreter.cache().blocksDecoded);
        all.put("cpu.tableWalks", cpu.mmu.walks);
        all.put("cpu.halts", halts);
        all.put("cpu.haltNanos", haltNanos);
        all.put("cpu.kernelNanos", kernelNanos);
        all.put("cpu.userNanos", userNanos);
        all.put("cpu.emulatedUserInstructions", emulated);
        all.put("cpu.lostContexts", lostContexts);
        return all;
    }
}
