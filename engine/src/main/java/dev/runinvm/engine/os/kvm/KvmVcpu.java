package dev.runinvm.engine.os.kvm;

import com.sun.jna.LastErrorException;
import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * One processor of a machine. Everything is for one thread, the processor's own, except {@link #kick}. Owns its
 * descriptor and the page it shares with the kernel.
 *
 * <p>A kick needs no signal handler, so nothing of the JVM's is changed: the processor's thread blocks one real-time
 * signal, which the kernel unblocks for the time of KVM_RUN only (KVM_SET_SIGNAL_MASK). A signal that comes in between
 * stays pending and ends the next KVM_RUN at once; it is taken away again without having been delivered.
 */
public final class KvmVcpu implements AutoCloseable {
    /** A real-time signal: the JVM's own are all below, the C library's are 32 and 33. */
    private static final int KICK_SIGNAL = 62;

    private static final long KICK_BIT = 1L << KICK_SIGNAL - 1;
    private static final int SIGNAL_SET_BYTES = 8;
    /** The kernel's limit of a call. */
    private static final int MOST_MSRS = 256;

    private static final int APIC_LVT_LINT0 = 0x350;
    private static final int APIC_LVT_LINT1 = 0x360;
    private static final int APIC_MODE_EXTINT = 0x700;
    private static final int APIC_MODE_NMI = 0x400;

    private final int fd;
    private final KvmSizes sizes;
    private final long runAddress;
    private final int runSize;
    private final ByteBuffer run;
    private final Memory signals = KvmCalls.zeroed(24);

    /** Guarded by this object: thread id of whoever may be in {@link #run}, or 0. */
    private long thread;

    private boolean kicked;
    private boolean closed;

    KvmVcpu(int fd, KvmSizes sizes) {
        this.fd = fd;
        this.sizes = sizes;
        this.runSize = sizes.run();
        this.runAddress = KvmCalls.map("a processor's shared page", fd, 0, runSize);
        this.run = KvmCalls.buffer(runAddress, runSize);
    }

    /** Makes the calling thread the processor's own, until {@link #detach}. */
    public void attach() {
        try {
            signals.setLong(0, KICK_BIT);
            long set = Pointer.nativeValue(signals);
            KvmCalls.syscall(KvmCalls.SYS_RT_SIGPROCMASK, KvmCalls.SIG_BLOCK, set, set + 8, SIGNAL_SET_BYTES);
            long id = KvmCalls.syscall(KvmCalls.SYS_GETTID, 0, 0, 0, 0);
            try (Memory mask = KvmCalls.zeroed(KvmAbi.SIGNAL_MASK_HEADER + SIGNAL_SET_BYTES)) {
                mask.setInt(0, SIGNAL_SET_BYTES);
                mask.setLong(KvmAbi.SIGNAL_MASK_HEADER, signals.getLong(8) & ~KICK_BIT);
                KvmCalls.ioctl("KVM_SET_SIGNAL_MASK", fd, KvmAbi.KVM_SET_SIGNAL_MASK, mask);
            }
            synchronized (this) {
                thread = id; // the signal is blocked by now: it can no longer do what it does to an ordinary thread
            }
        } catch (LastErrorException e) {
            throw new KvmException("blocking signal " + KICK_SIGNAL, e);
        }
    }

    /** Ends what {@link #attach} began; on the same thread, which is to end soon: it keeps the signal blocked. */
    public synchronized void detach() {
        thread = 0;
    }

    /**
     * Runs the guest until there is something to do. After {@link KvmExit#IO} and {@link KvmExit#MMIO} reads, the value
     * set is taken over by the next call.
     *
     * @return {@link KvmExit#INTR} after a kick, and now and then without one
     */
    public KvmExit run() {
        try {
            KvmCalls.ioctl(fd, KvmAbi.KVM_RUN, 0);
        } catch (LastErrorException e) {
            if (e.getErrorCode() == KvmCalls.EINTR || e.getErrorCode() == KvmCalls.EAGAIN) {
                takeKick();
                return KvmExit.INTR;
            }
            throw new KvmException("KVM_RUN", e);
        }
        return KvmExit.of(run.getInt(KvmAbi.RUN_EXIT_REASON));
    }

    /** Makes {@link #run} return soon, and if nobody is in it the next call. Any thread. */
    public synchronized void kick() {
        if (closed || kicked) {
            return;
        }
        kicked = true;
        run.put(KvmAbi.RUN_IMMEDIATE_EXIT, (byte) 1);
        if (thread != 0) {
            try {
                KvmCalls.syscall(KvmCalls.SYS_TGKILL, KvmCalls.getpid(), thread, KICK_SIGNAL, 0);
            } catch (LastErrorException e) {
                if (e.getErrorCode() != KvmCalls.ESRCH) {
                    throw new KvmException("tgkill", e);
                }
            }
        }
    }

    private synchronized void takeKick() {
        if (!kicked) {
            return;
        }
        kicked = false;
        run.put(KvmAbi.RUN_IMMEDIATE_EXIT, (byte) 0);
        signals.setLong(0, KICK_BIT);
        signals.setLong(8, 0);
        signals.setLong(16, 0);
        long set = Pointer.nativeValue(signals);
        try {
            KvmCalls.syscall(KvmCalls.SYS_RT_SIGTIMEDWAIT, set, 0, set + 8, SIGNAL_SET_BYTES);
        } catch (LastErrorException e) {
            if (e.getErrorCode() != KvmCalls.EAGAIN) { // none was pending: the kick came before attach
                throw new KvmException("rt_sigtimedwait", e);
            }
        }
    }

    /** After {@link KvmExit#IO}: whether the guest writes. */
    public boolean ioIsWrite() {
        return run.get(KvmAbi.RUN_IO_DIRECTION) == 1;
    }

    /** After {@link KvmExit#IO}: the port. */
    public int ioPort() {
        return run.getShort(KvmAbi.RUN_IO_PORT) & 0xffff;
    }

    /** After {@link KvmExit#IO}: bytes an access, 1, 2 or 4. */
    public int ioSize() {
        return run.get(KvmAbi.RUN_IO_SIZE);
    }

    /** After {@link KvmExit#IO}: number of accesses, more than one for string instructions. */
    public int ioCount() {
        return run.getInt(KvmAbi.RUN_IO_COUNT);
    }

    private int ioData(int i) {
        return (int) run.getLong(KvmAbi.RUN_IO_DATA_OFFSET) + i * ioSize();
    }

    /** After {@link KvmExit#IO}: what the guest writes at an access from 0 on. */
    public int ioValue(int i) {
        int at = ioData(i);
        return switch (ioSize()) {
            case 1 -> run.get(at) & 0xff;
            case 2 -> run.getShort(at) & 0xffff;
            default -> run.getInt(at);
        };
    }

    /** After {@link KvmExit#IO}: what the guest is to read at an access from 0 on. */
    public void setIoValue(int i, int value) {
        int at = ioData(i);
        switch (ioSize()) {
            case 1 -> run.put(at, (byte) value);
            case 2 -> run.putShort(at, (short) value);
            default -> run.putInt(at, value);
        }
    }

    /** After {@link KvmExit#MMIO}: the physical address. */
    public long mmioAddress() {
        return run.getLong(KvmAbi.RUN_MMIO_ADDRESS);
    }

    /** After {@link KvmExit#MMIO}: number of bytes, 1 to 8. */
    public int mmioLength() {
        return run.getInt(KvmAbi.RUN_MMIO_LENGTH);
    }

    /** After {@link KvmExit#MMIO}: whether the guest writes. */
    public boolean mmioIsWrite() {
        return run.get(KvmAbi.RUN_MMIO_IS_WRITE) != 0;
    }

    /** After {@link KvmExit#MMIO}: what the guest writes; bytes above its length mean nothing. */
    public long mmioValue() {
        return run.getLong(KvmAbi.RUN_MMIO_DATA);
    }

    /** After {@link KvmExit#MMIO}: what the guest is to read. */
    public void setMmioValue(long value) {
        run.putLong(KvmAbi.RUN_MMIO_DATA, value);
    }

    /** Details of the last exit for people, where it is one that nobody expects. */
    public String exitDetail() {
        int number = run.getInt(KvmAbi.RUN_EXIT_REASON);
        return switch (KvmExit.of(number)) {
            case FAIL_ENTRY ->
                "hardware's reason 0x" + Long.toHexString(run.getLong(KvmAbi.RUN_FAIL_REASON))
                        + ": the processor's state is none it can run in";
            case INTERNAL_ERROR -> internalError();
            case SYSTEM_EVENT -> "type " + run.getInt(KvmAbi.RUN_SYSTEM_EVENT_TYPE);
            case UNKNOWN -> "hardware's reason 0x" + Long.toHexString(run.getLong(KvmAbi.RUN_UNKNOWN_REASON));
            default -> "reason " + number;
        };
    }

    private String internalError() {
        int suberror = run.getInt(KvmAbi.RUN_INTERNAL_SUBERROR);
        StringBuilder text = new StringBuilder("suberror ")
                .append(suberror)
                .append(
                        switch (suberror) {
                            case 1 -> " (an instruction that KVM cannot emulate)";
                            case 2 ->
                                " (an exit of the hardware's while a task switch or an exception was being simulated)";
                            case 3 -> " (an exit during the delivery of an event)";
                            case 4 -> " (an exit reason that KVM does not expect)";
                            default -> "";
                        });
        int count = Math.min(run.getInt(KvmAbi.RUN_INTERNAL_COUNT), 16);
        for (int i = 0; i < count; i++) {
            text.append(i == 0 ? ", data 0x" : " 0x")
                    .append(Long.toHexString(run.getLong(KvmAbi.RUN_INTERNAL_DATA + i * 8)));
        }
        return text.toString();
    }

    /** Reads the general registers. */
    public KvmRegisters registers() {
        try (Memory m = KvmCalls.zeroed(KvmAbi.REGS_SIZE)) {
            KvmCalls.ioctl("KVM_GET_REGS", fd, KvmAbi.KVM_GET_REGS, m);
            return KvmRegisters.read(m);
        }
    }

    /** Sets the general registers. */
    public void setRegisters(KvmRegisters registers) {
        try (Memory m = KvmCalls.zeroed(KvmAbi.REGS_SIZE)) {
            registers.write(m);
            KvmCalls.ioctl("KVM_SET_REGS", fd, KvmAbi.KVM_SET_REGS, m);
        }
    }

    /** Reads segments and control registers. */
    public KvmSystemRegisters systemRegisters() {
        try (Memory m = KvmCalls.zeroed(KvmAbi.SREGS_SIZE)) {
            KvmCalls.ioctl("KVM_GET_SREGS", fd, KvmAbi.KVM_GET_SREGS, m);
            return KvmSystemRegisters.read(m);
        }
    }

    /** Sets segments and control registers; no interrupt is being delivered afterwards. */
    public void setSystemRegisters(KvmSystemRegisters registers) {
        try (Memory m = KvmCalls.zeroed(KvmAbi.SREGS_SIZE)) {
            registers.write(m);
            KvmCalls.ioctl("KVM_SET_SREGS", fd, KvmAbi.KVM_SET_SREGS, m);
        }
    }

    /** Says what CPUID answers. Before the first {@link #run}. */
    public void setCpuid(List<CpuidEntry> entries) {
        try (Memory m = KvmCalls.zeroed(KvmAbi.CPUID_HEADER + (long) entries.size() * KvmAbi.CPUID_ENTRY_SIZE)) {
            m.setInt(0, entries.size());
            long at = KvmAbi.CPUID_HEADER;
            for (CpuidEntry e : entries) {
                long eax = at + KvmAbi.CPUID_ENTRY_EAX;
                m.setInt(at, e.function());
                m.setInt(at + 4, e.index());
                m.setInt(at + 8, e.flags());
                m.setInt(eax, e.eax());
                m.setInt(eax + 4, e.ebx());
                m.setInt(eax + 8, e.ecx());
                m.setInt(eax + 12, e.edx());
                at += KvmAbi.CPUID_ENTRY_SIZE;
            }
            KvmCalls.ioctl("KVM_SET_CPUID2", fd, KvmAbi.KVM_SET_CPUID2, m);
        }
    }

    /**
     * Sets one model-specific register.
     *
     * @return whether KVM has it and took the value
     */
    public boolean setMsr(int number, long value) {
        try (Memory m = KvmCalls.zeroed(KvmAbi.MSRS_HEADER + KvmAbi.MSR_ENTRY_SIZE)) {
            m.setInt(0, 1);
            m.setInt(KvmAbi.MSRS_HEADER, number);
            m.setLong(KvmAbi.MSRS_HEADER + KvmAbi.MSR_ENTRY_DATA, value);
            return KvmCalls.ioctl("KVM_SET_MSRS", fd, KvmAbi.KVM_SET_MSRS, m) == 1;
        }
    }

    /**
     * Reads model-specific registers.
     *
     * @param numbers of those wanted
     * @return those that KVM has, by number, in the same order
     */
    public Map<Integer, Long> msrs(List<Integer> numbers) {
        Map<Integer, Long> values = new LinkedHashMap<>();
        int from = 0;
        while (from < numbers.size()) {
            int count = Math.min(MOST_MSRS, numbers.size() - from);
            try (Memory m = KvmCalls.zeroed(KvmAbi.MSRS_HEADER + (long) count * KvmAbi.MSR_ENTRY_SIZE)) {
                m.setInt(0, count);
                for (int i = 0; i < count; i++) {
                    m.setInt(KvmAbi.MSRS_HEADER + (long) i * KvmAbi.MSR_ENTRY_SIZE, numbers.get(from + i));
                }
                int read = KvmCalls.ioctl("KVM_GET_MSRS", fd, KvmAbi.KVM_GET_MSRS, m);
                for (int i = 0; i < read; i++) {
                    long at = KvmAbi.MSRS_HEADER + (long) i * KvmAbi.MSR_ENTRY_SIZE;
                    values.put(numbers.get(from + i), m.getLong(at + KvmAbi.MSR_ENTRY_DATA));
                }
                from += read < count ? read + 1 : read; // it stops at the first that it has not got
            }
        }
        return values;
    }

    /** Whether the processor has a part of the state. */
    public boolean has(KvmStatePart part) {
        return part != KvmStatePart.EXTENDED_CONTROL || sizes.extendedControl();
    }

    /** Bytes of a part of the state. */
    public int size(KvmStatePart part) {
        return part == KvmStatePart.EXTENDED ? Math.max(part.size, sizes.extended()) : part.size;
    }

    /** Reads a part of the state. Nobody is in {@link #run}, and what the last exit asked for has been completed. */
    public byte[] state(KvmStatePart part) {
        int size = size(part);
        try (Memory m = KvmCalls.zeroed(size)) {
            long request = size > part.size ? KvmAbi.KVM_GET_XSAVE2 : part.get;
            KvmCalls.ioctl("KVM_GET of " + part, fd, request, m);
            return m.getByteArray(0, size);
        }
    }

    /**
     * Sets a part of the state. Nobody is in {@link #run}.
     *
     * @param bytes {@link #size} of them
     * @throws KvmException if KVM finds them impossible
     */
    public void setState(KvmStatePart part, byte[] bytes) {
        if (bytes.length != size(part)) {
            throw new IllegalArgumentException(part + " has " + size(part) + " bytes, not " + bytes.length);
        }
        try (Memory m = KvmCalls.zeroed(bytes.length)) {
            m.write(0, bytes, 0, bytes.length);
            KvmCalls.ioctl("KVM_SET of " + part, fd, part.set, m);
        }
    }

    /** Connects the local APIC as a PC's firmware does: the 8259s at LINT0, NMI at LINT1. */
    public void connectLocalApic() {
        try (Memory m = KvmCalls.zeroed(KvmAbi.LAPIC_SIZE)) {
            KvmCalls.ioctl("KVM_GET_LAPIC", fd, KvmAbi.KVM_GET_LAPIC, m);
            m.setInt(APIC_LVT_LINT0, APIC_MODE_EXTINT);
            m.setInt(APIC_LVT_LINT1, APIC_MODE_NMI);
            KvmCalls.ioctl("KVM_SET_LAPIC", fd, KvmAbi.KVM_SET_LAPIC, m);
        }
    }

    /** Whether the processor waits in HLT. */
    public boolean halted() {
        return mpState() == KvmAbi.KVM_MP_STATE_HALTED;
    }

    /** Whether the processor has been started: the boot processor always has, others by the guest. */
    public boolean started() {
        int state = mpState();
        return state != KvmAbi.KVM_MP_STATE_UNINITIALIZED && state != KvmAbi.KVM_MP_STATE_INIT_RECEIVED;
    }

    private int mpState() {
        try (Memory m = KvmCalls.zeroed(4)) {
            KvmCalls.ioctl("KVM_GET_MP_STATE", fd, KvmAbi.KVM_GET_MP_STATE, m);
            return m.getInt(0);
        }
    }

    /** Pace of the guest's time-stamp counter, in kHz. */
    public long tscKhz() {
        return KvmCalls.ioctl("KVM_GET_TSC_KHZ", fd, KvmAbi.KVM_GET_TSC_KHZ, 0);
    }

    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            KvmCalls.munmap(runAddress, runSize);
            KvmCalls.close(fd);
            signals.close();
        }
    }
}
