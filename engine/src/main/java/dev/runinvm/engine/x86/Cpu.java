package dev.runinvm.engine.x86;

import dev.runinvm.engine.EngineBug;
import dev.runinvm.engine.machine.GuestMemory;
import dev.runinvm.engine.machine.InterruptController;
import dev.runinvm.engine.machine.MmioBus;
import dev.runinvm.engine.machine.PortBus;
import dev.runinvm.engine.machine.TimeSource;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.security.SecureRandom;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/**
 * One logical processor: its state and what it is wired to. Used by one thread, the vCPU's; only
 * {@link #requestAttention()} may be called by others.
 */
public final class Cpu {
    private static final VarHandle ATTENTION;

    static {
        try {
            ATTENTION = MethodHandles.lookup().findVarHandle(Cpu.class, "attention", boolean.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** Registers. */
    public final CpuState s;

    public final GuestMemory memory;
    public final Mmu mmu;
    public final PortBus ports;
    public final InterruptController intc;
    public final TimeSource time;
    public final CpuidModel cpuid;

    /** For copies between memory and the XSAVE area. */
    final byte[] scratch = new byte[4096];

    /** The guest was told that it cannot run 32-bit code; once is enough for the log. */
    boolean refused32;

    /** Executes what the interpreter does not; the default reports the instruction as missing. */
    public VectorUnit vectorUnit = Cpu::missingInstruction;

    /** Stands below a paravirtualized kernel; null on plain hardware. */
    public @Nullable Hypervisor hypervisor;

    /** What RDRAND and RDSEED give. */
    public RandomSource random = new SecureRandom()::nextLong;

    /** Set by whoever wants the run loop to return at the next block end; cleared by the run loop's owner. */
    public boolean stopRequested;

    @SuppressWarnings("UnusedVariable") // through ATTENTION
    private boolean attention;

    /**
     * Wires a processor up.
     *
     * @param s its registers, as reset or a snapshot left them
     */
    public Cpu(
            CpuState s,
            GuestMemory memory,
            MmioBus mmio,
            PortBus ports,
            InterruptController intc,
            TimeSource time,
            CpuidModel cpuid) {
        this.s = s;
        this.memory = memory;
        this.mmu = new Mmu(s, memory, mmio);
        this.ports = ports;
        this.intc = intc;
        this.time = time;
        this.cpuid = cpuid;
        XStateInstructions.initialise(s);
    }

    /** Asks the vCPU's thread to look at interrupts, timers and stop requests soon. Any thread. */
    public void requestAttention() {
        ATTENTION.setVolatile(this, true);
    }

    /** Whether somebody asked for attention; read at every block end. */
    public boolean attention() {
        return (boolean) ATTENTION.getOpaque(this);
    }

    /** Forgets the requests so far; call it before looking at their causes, never after. */
    public void clearAttention() {
        ATTENTION.setVolatile(this, false);
    }

    private static void missingInstruction(Cpu cpu, VectorInsn insn) {
        throw new EngineBug("instruction " + HexFormat.ofDelimiter(" ").formatHex(insn.bytes())
                + " at 0x" + Long.toHexString(cpu.s.rip) + " (CPL " + cpu.s.cpl
                + ") is not implemented by the interpreter");
    }
}
