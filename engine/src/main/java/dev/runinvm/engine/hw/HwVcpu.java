package dev.runinvm.engine.hw;

import dev.runinvm.engine.EngineBug;
import dev.runinvm.engine.guest.Stop;
import dev.runinvm.engine.os.kvm.KvmException;
import dev.runinvm.engine.os.kvm.KvmExit;
import dev.runinvm.engine.os.kvm.KvmRegisters;
import dev.runinvm.engine.os.kvm.KvmSystemRegisters;
import dev.runinvm.engine.os.kvm.KvmVcpu;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLongArray;
import org.jspecify.annotations.Nullable;

/**
 * One processor's life: in the guest, and out of it for what KVM cannot do by itself. {@link #run} is for the processor's
 * own thread, the rest for any.
 */
final class HwVcpu {
    private static final KvmExit[] EXITS = KvmExit.values();
    private static final long RFLAGS_IF = 1 << 9;
    /** A processor of AMD's comes out of a triple fault as out of a reset, at this address. */
    private static final long RESET_RIP = 0xfff0;

    private final int id;
    private final KvmVcpu cpu;
    private final Board board;
    /** By {@link KvmExit#ordinal}; only the processor's thread writes. */
    private final AtomicLongArray exits = new AtomicLongArray(EXITS.length);

    private int lastPort;
    private long lastAddress;
    private boolean lastWasPort;

    private volatile boolean stopping;
    private volatile boolean lookWanted;
    private volatile @Nullable Rendezvous rendezvous;
    private volatile boolean halted;
    private volatile boolean dead;

    HwVcpu(int id, KvmVcpu cpu, Board board) {
        this.id = id;
        this.cpu = cpu;
        this.board = board;
    }

    int id() {
        return id;
    }

    /** Makes {@link #run} return soon. */
    void stop() {
        stopping = true;
        cpu.kick();
    }

    /** Makes the processor tell soon whether it is halted; it goes on afterwards. */
    void look() {
        lookWanted = true;
        cpu.kick();
    }

    /** Makes the processor come out of the guest soon, between two instructions, and stay out until it is let go. */
    void meet(Rendezvous where) {
        rendezvous = where;
        cpu.kick();
    }

    /** Whether the processor waits in HLT, or to be started. It is out of the guest. */
    boolean idle() {
        return cpu.halted() || !cpu.started();
    }

    /** The processor as KVM has it. */
    KvmVcpu kvm() {
        return cpu;
    }

    /** Whether the processor was waiting in HLT when it was last looked at, and has not left the guest since. */
    boolean halted() {
        return halted;
    }

    /** As {@link #halted()}, with interrupts off, or not yet started: nothing will wake it but another processor. */
    boolean dead() {
        return dead;
    }

    /** Exits so far, a number that grows. */
    long exitCount() {
        long sum = 0;
        for (int i = 0; i < EXITS.length; i++) {
            sum += exits.get(i);
        }
        return sum;
    }

    /**
     * Runs until the guest ends.
     *
     * @throws EngineBug if KVM cannot go on
     */
    Stop run() {
        cpu.attach();
        try {
            while (!stopping) {
                KvmExit exit = cpu.run();
                exits.lazySet(exit.ordinal(), exits.get(exit.ordinal()) + 1);
                Stop stop = serve(exit);
                if (stop != null) {
                    return stop;
                }
            }
            return new Stop(Stop.Kind.STOPPED, "");
        } catch (KvmException e) {
            throw new EngineBug("KVM refused processor " + id + " a call: " + e.getMessage(), e);
        } finally {
            cpu.detach();
        }
    }

    private @Nullable Stop serve(KvmExit exit) {
        switch (exit) {
            case IO -> {
                awake();
                io();
                String reset = board.resetRequested();
                return reset == null ? null : new Stop(Stop.Kind.RESET, reset);
            }
            case MMIO -> {
                awake();
                mmio();
            }
            case INTR -> {
                if (lookWanted) {
                    lookWanted = false;
                    lookNow();
                }
                Rendezvous r = rendezvous;
                if (r != null) {
                    rendezvous = null;
                    r.arrive(); // KVM has completed what the last exit was about
                }
            }
            case SHUTDOWN -> {
                return new Stop(Stop.Kind.TRIPLE_FAULT, "triple fault of processor " + id + ", at " + where());
            }
            case SYSTEM_EVENT -> {
                return new Stop(Stop.Kind.RESET, "system event of " + cpu.exitDetail());
            }
            default ->
                throw new EngineBug("KVM cannot go on with processor " + id + ", exit " + exit + ", " + cpu.exitDetail()
                        + "; " + where());
        }
        return null;
    }

    private void awake() {
        halted = false;
        dead = false;
    }

    private void lookNow() {
        boolean started = cpu.started();
        halted = cpu.halted();
        dead = !started || halted && (cpu.registers().rflags & RFLAGS_IF) == 0;
    }

    private void io() {
        int port = cpu.ioPort();
        int size = cpu.ioSize();
        boolean write = cpu.ioIsWrite();
        for (int i = 0; i < cpu.ioCount(); i++) {
            if (write) {
                board.out(port, size, cpu.ioValue(i));
            } else {
                cpu.setIoValue(i, board.in(port, size));
            }
        }
        lastPort = port;
        lastWasPort = true;
    }

    private void mmio() {
        long address = cpu.mmioAddress();
        int length = cpu.mmioLength();
        if (cpu.mmioIsWrite()) {
            board.write(address, length, cpu.mmioValue());
        } else {
            cpu.setMmioValue(board.read(address, length));
        }
        lastAddress = address;
        lastWasPort = false;
    }

    /** Registers and the last access, for messages. Processor's thread, outside the guest. */
    String where() {
        try {
            KvmRegisters r = cpu.registers();
            KvmSystemRegisters s = cpu.systemRegisters();
            if (r.rip == RESET_RIP && (s.cr0 & 1) == 0) {
                return "registers lost (an AMD processor does not keep them beyond a triple fault); " + lastAccess();
            }
            StringBuilder text = new StringBuilder();
            text.append("RIP ").append(hex(r.rip)).append(", CPL ").append(s.selector[KvmSystemRegisters.CS] & 3);
            text.append(", CR0 ").append(hex(s.cr0)).append(", CR2 ").append(hex(s.cr2));
            text.append(", CR3 ").append(hex(s.cr3)).append(", CR4 ").append(hex(s.cr4));
            text.append(", EFER ").append(hex(s.efer)).append(", RFLAGS ").append(hex(r.rflags));
            String[] names = {"RAX", "RBX", "RCX", "RDX", "RSI", "RDI", "RSP", "RBP"};
            for (int i = 0; i < r.general.length; i++) {
                text.append(", ")
                        .append(i < names.length ? names[i] : "R" + i)
                        .append(' ')
                        .append(hex(r.general[i]));
            }
            return text.append("; ").append(lastAccess()).toString();
        } catch (KvmException e) {
            return "registers unknown (" + e.getMessage() + "); " + lastAccess();
        }
    }

    private static String hex(long value) {
        return "0x" + Long.toHexString(value);
    }

    private String lastAccess() {
        return exits.get(KvmExit.IO.ordinal()) + exits.get(KvmExit.MMIO.ordinal()) == 0
                ? "no device was used before"
                : "last device access at " + (lastWasPort ? "port " + hex(lastPort) : "address " + hex(lastAddress));
    }

    /** Exits by reason. */
    Map<String, Long> counters() {
        Map<String, Long> all = new TreeMap<>();
        for (KvmExit exit : EXITS) {
            long n = exits.get(exit.ordinal());
            if (n > 0) {
                all.put("kvm.exits." + exit.name().toLowerCase(Locale.ROOT), n);
            }
        }
        return all;
    }
}
