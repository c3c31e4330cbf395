package dev.runinvm.engine.para;

import dev.runinvm.engine.direct.DirectEngine;
import dev.runinvm.engine.direct.Trap;
import dev.runinvm.engine.guest.RestPoint;
import dev.runinvm.engine.guest.Stop;
import dev.runinvm.engine.machine.DeadlineAlarm;
import dev.runinvm.engine.machine.TimeSource;
import dev.runinvm.engine.x86.Cpu;
import dev.runinvm.engine.x86.CpuException;
import dev.runinvm.engine.x86.CpuState;
import dev.runinvm.engine.x86.FarControl;
import dev.runinvm.engine.x86.Interpreter;
import dev.runinvm.engine.x86.Interrupts;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.locks.LockSupport;

/**
 * The virtual CPU's life: the kernel in the interpreter, programs on the real CPU, events and time in between. All of it
 * on one thread; {@link #wake()} and {@link #stop()} may come from any.
 */
final class ParaVcpu {
    private final Cpu cpu;
    private final CpuState s;
    private final DirectEngine direct;
    private final TimeSource time;
    private final Interpreter interpreter;
    private final Domain domain;

    /** Where it stands still for others. */
    final RestPoint rest = new RestPoint(this::wake);

    private volatile boolean stopping;
    private volatile boolean sleeping;
    private volatile boolean input;
    private volatile Thread thread = Thread.currentThread();

    private long halts;
    private long haltNanos;
    private long kernelNanos;
    private long userNanos;
    private long emulated;
    private long lostContexts;

    ParaVcpu(Cpu cpu, Interpreter interpreter, Domain domain, DirectEngine direct, TimeSource time) {
        this.cpu = cpu;
        this.s = cpu.s;
        this.domain = domain;
        this.direct = direct;
        this.time = time;
        this.interpreter = interpreter;
        direct.setWritableListener(interpreter.cache()::dropPage);
        cpu.vectorUnit = direct.vectorUnit();
    }

    /** Makes the loop look at requests and input soon. Any thread. */
    void wake() {
        cpu.requestAttention();
        direct.preempt();
        if (sleeping) {
            LockSupport.unpark(thread);
        }
    }

    /** Something waits to be handed to the guest. Any thread. */
    void inputArrived() {
        input = true;
        wake();
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
        domain.timersChanged = () -> alarm.arm(domain.timers.deadlineNanos());
        domain.timersChanged.run();
        try (alarm) {
            while (!stopping) {
                if (cpu.attention()) {
                    cpu.clearAttention();
                }
                long now = time.nanos();
                domain.timers.advance();
                if (input) {
                    input = false;
                    domain.pollInput();
                }
                if (domain.scheduler.ended().isPresent()) {
                    return shutDown(domain.scheduler.ended().get());
                }
                Interrupts.acceptIfPending(cpu);
                rest.reached(s.halted);
                if (s.halted) {
                    halt(now);
                } else if (s.cpl == 3) {
                    programs(now);
                } else {
                    interpreter.run();
                    kernelNanos += time.nanos() - now;
                }
            }
            return new Stop(Stop.Kind.STOPPED, "");
        } catch (GuestCrash e) {
            return new Stop(Stop.Kind.CRASHED, e.getMessage() + ", at " + where());
        } finally {
            rest.finish();
        }
    }

    private static Stop shutDown(SchedulerOps.Reason reason) {
        return switch (reason) {
            case POWEROFF -> new Stop(Stop.Kind.SWITCHED_OFF, "");
            case CRASH, WATCHDOG -> new Stop(Stop.Kind.CRASHED, "its kernel reported a " + reason);
            default -> new Stop(Stop.Kind.RESET, "by hypercall");
        };
    }

    private void halt(long now) {
        long deadline = domain.timers.deadlineNanos();
        if (deadline <= now) {
            return;
        }
        halts++;
        long from = domain.shared.systemTime();
        sleeping = true;
        try {
            if (!cpu.attention() && !stopping) {
                LockSupport.parkNanos(this, Math.min(deadline - now, 1_000_000_000L));
            }
        } finally {
            sleeping = false;
        }
        haltNanos += time.nanos() - now;
        domain.runstate.unblocked(cpu, from);
    }

    private void programs(long now) {
        long deadline = domain.timers.deadlineNanos();
        Trap trap = direct.run(cpu, deadline == Timers.NEVER ? LONGEST_STAY : Math.max(0, deadline - now));
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

    private static final long LONGEST_STAY = 3_600_000_000_000L;

    /** Where the virtual CPU is, for messages. */
    String where() {
        return "RIP 0x" + Long.toHexString(s.rip) + (s.cpl == 3 ? " (a program)" : " (the kernel)") + ", base table 0x"
                + Long.toHexString(s.cr3) + ", RSP 0x" + Long.toHexString(s.gpr[CpuState.RSP]);
    }

    Map<String, Long> counters() {
        Map<String, Long> all = new TreeMap<>();
        all.put("cpu.instructionsInterpreted", interpreter.instructions);
        all.put("cpu.halts", halts);
        all.put("cpu.haltNanos", haltNanos);
        all.put("cpu.kernelNanos", kernelNanos);
        all.put("cpu.userNanos", userNanos);
        all.put("cpu.emulatedUserInstructions", emulated);
        all.put("cpu.lostContexts", lostContexts);
        return all;
    }
}
