package dev.runinvm.engine.os.kvm;

import com.sun.jna.Memory;
import dev.runinvm.engine.HostLacks;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * One virtual machine. Owns its descriptor, the mappings of its memory and its processors, and closes them all. Its
 * methods are for any thread.
 */
public final class KvmVm implements AutoCloseable {
    private static final int IRQCHIPS = 3;

    /** A part of the guest's memory, and where this process has it. */
    private record Mapping(long guestAddress, long address, long length) {
        boolean holds(long physical, long bytes) {
            return physical >= guestAddress && physical + bytes <= guestAddress + length;
        }
    }

    /** Is shown a page. */
    public interface PageVisitor {
        /**
         * Takes a page.
         *
         * @param guestAddress physical address
         * @param page its bytes, valid until this returns
         */
        void visit(long guestAddress, ByteBuffer page);
    }

    private final int fd;
    private final KvmSizes sizes;
    private final List<Mapping> mappings = new ArrayList<>();
    private final List<Mapping> overlays = new ArrayList<>();
    private final List<KvmVcpu> processors = new ArrayList<>();
    private long writtenAtClose;
    private boolean closed;

    KvmVm(int fd, KvmSizes sizes) {
        this.fd = fd;
        this.sizes = sizes;
    }

    /**
     * Makes a part of a file the guest's memory.
     *
     * @param guestAddress physical address, page-aligned
     * @param file descriptor; may be closed afterwards
     * @param offset in the file, page-aligned
     * @param length bytes, whole pages
     */
    public synchronized void mapMemory(long guestAddress, int file, long offset, long length) {
        requireOpen();
        long address = KvmCalls.map("guest memory", file, offset, length);
        int slot = mappings.size();
        mappings.add(new Mapping(guestAddress, address, length));
        try (Memory region = KvmCalls.zeroed(KvmAbi.MEMORY_REGION_SIZE)) {
            region.setInt(0, slot);
            region.setLong(KvmAbi.MEMORY_REGION_GUEST_ADDRESS, guestAddress);
            region.setLong(KvmAbi.MEMORY_REGION_BYTES, length);
            region.setLong(KvmAbi.MEMORY_REGION_USER_ADDRESS, address);
            KvmCalls.ioctl("KVM_SET_USER_MEMORY_REGION", fd, KvmAbi.KVM_SET_USER_MEMORY_REGION, region);
        }
    }

    /**
     * Has a part of the guest's memory come from another file as long as the guest does not write it: a page that it writes is
     * copied, and the file stays as it is. Before the guest runs.
     *
     * @param guestAddress physical address, page-aligned, within one part of {@link #mapMemory}
     * @param file descriptor; may be closed afterwards
     * @param offset in the file, page-aligned
     * @param length bytes, whole pages that the file has
     */
    public synchronized void overlay(long guestAddress, int file, long offset, long length) {
        requireOpen();
        for (Mapping m : mappings) {
            if (m.holds(guestAddress, length)) {
                long address = m.address + guestAddress - m.guestAddress;
                KvmCalls.mapPrivate("guest memory", address, file, offset, length);
                overlays.add(new Mapping(guestAddress, address, length));
                return;
            }
        }
        throw new IllegalArgumentException("no memory at 0x" + Long.toHexString(guestAddress) + " to lay over");
    }

    /** Shows the pages of {@link #overlay} that the guest has written. Nobody may be in {@link KvmVcpu#run}. */
    public synchronized void visitWritten(PageVisitor visitor) {
        requireOpen();
        for (Mapping m : overlays) {
            WrittenPages.of(m.address, m.length).forEach(offset -> {
                ByteBuffer page = KvmCalls.buffer(m.address + offset, WrittenPages.PAGE);
                visitor.visit(m.guestAddress + offset, page);
            });
        }
    }

    /**
     * Bytes of {@link #overlay} that the guest has written, and so take memory of their own; after the end, those it had. 0
     * where /proc does not tell.
     */
    public synchronized long writtenBytes() {
        if (closed) {
            return writtenAtClose;
        }
        try {
            long pages = 0;
            for (Mapping m : overlays) {
                pages += WrittenPages.of(m.address, m.length).count();
            }
            return pages * WrittenPages.PAGE;
        } catch (HostLacks e) {
            return 0; // a counter is no reason to fail, least of all while the machine is closed
        }
    }

    /**
     * Gives KVM four pages of the guest's addresses for itself, as VT-x needs to run real mode; nothing else may be there.
     *
     * @param identityMap physical address below 4 GiB of one page
     * @param tss of three pages
     */
    public void reservePages(long identityMap, long tss) {
        requireOpen();
        try (Memory address = KvmCalls.zeroed(8)) {
            address.setLong(0, identityMap);
            KvmCalls.ioctl("KVM_SET_IDENTITY_MAP_ADDR", fd, KvmAbi.KVM_SET_IDENTITY_MAP_ADDR, address);
        }
        KvmCalls.ioctl("KVM_SET_TSS_ADDR", fd, KvmAbi.KVM_SET_TSS_ADDR, tss);
    }

    /** Adds interrupt controllers: 8259s, an I/O APIC, and a local APIC with each processor made from now on. */
    public void createInterruptControllers() {
        requireOpen();
        KvmCalls.ioctl("KVM_CREATE_IRQCHIP", fd, KvmAbi.KVM_CREATE_IRQCHIP, 0);
    }

    /**
     * Adds an 8254 with port 0x61. Ticks that a guest was too slow for are left out: its clock is the TSC, and made up for
     * they would come in a burst after every pause.
     */
    public void createTimer() {
        requireOpen();
        try (Memory config = KvmCalls.zeroed(KvmAbi.PIT_CONFIG_SIZE);
                Memory reinject = KvmCalls.zeroed(KvmAbi.REINJECT_SIZE)) {
            config.setInt(0, KvmAbi.KVM_PIT_SPEAKER_DUMMY);
            KvmCalls.ioctl("KVM_CREATE_PIT2", fd, KvmAbi.KVM_CREATE_PIT2, config);
            KvmCalls.ioctl("KVM_REINJECT_CONTROL", fd, KvmAbi.KVM_REINJECT_CONTROL, reinject);
        }
    }

    /** State of the interrupt controllers: both 8259s and the I/O APIC, as the kernel hands it over. */
    public List<byte[]> interruptControllers() {
        requireOpen();
        List<byte[]> all = new ArrayList<>();
        for (int i = 0; i < IRQCHIPS; i++) {
            try (Memory m = KvmCalls.zeroed(KvmAbi.IRQCHIP_SIZE)) {
                m.setInt(0, i);
                KvmCalls.ioctl("KVM_GET_IRQCHIP", fd, KvmAbi.KVM_GET_IRQCHIP, m);
                all.add(m.getByteArray(KvmAbi.IRQCHIP_CHIP, KvmAbi.IRQCHIP_SIZE - KvmAbi.IRQCHIP_CHIP));
            }
        }
        return all;
    }

    /** Sets what {@link #interruptControllers} gave. */
    public void setInterruptControllers(List<byte[]> states) {
        requireOpen();
        for (int i = 0; i < IRQCHIPS; i++) {
            try (Memory m = KvmCalls.zeroed(KvmAbi.IRQCHIP_SIZE)) {
                m.setInt(0, i);
                m.write(KvmAbi.IRQCHIP_CHIP, states.get(i), 0, KvmAbi.IRQCHIP_SIZE - KvmAbi.IRQCHIP_CHIP);
                KvmCalls.ioctl("KVM_SET_IRQCHIP", fd, KvmAbi.KVM_SET_IRQCHIP, m);
            }
        }
    }

    /** State of the 8254, as the kernel hands it over. */
    public byte[] timer() {
        requireOpen();
        try (Memory m = KvmCalls.zeroed(KvmAbi.PIT_STATE_SIZE)) {
            KvmCalls.ioctl("KVM_GET_PIT2", fd, KvmAbi.KVM_GET_PIT2, m);
            return m.getByteArray(0, KvmAbi.PIT_STATE_SIZE);
        }
    }

    /** Sets what {@link #timer} gave; its counters begin their periods anew. */
    public void setTimer(byte[] state) {
        requireOpen();
        try (Memory m = KvmCalls.zeroed(KvmAbi.PIT_STATE_SIZE)) {
            m.write(0, state, 0, KvmAbi.PIT_STATE_SIZE);
            KvmCalls.ioctl("KVM_SET_PIT2", fd, KvmAbi.KVM_SET_PIT2, m);
        }
    }

    /** What the guest's paravirtual clock shows, in nanoseconds since the machine was made. */
    public long clockNanos() {
        requireOpen();
        try (Memory m = KvmCalls.zeroed(KvmAbi.CLOCK_SIZE)) {
            KvmCalls.ioctl("KVM_GET_CLOCK", fd, KvmAbi.KVM_GET_CLOCK, m);
            return m.getLong(0);
        }
    }

    /** Has the guest's paravirtual clock go on from a time. */
    public void setClockNanos(long nanos) {
        requireOpen();
        try (Memory m = KvmCalls.zeroed(KvmAbi.CLOCK_SIZE)) {
            m.setLong(0, nanos); // no flag: with the host's real time it would take in the time that the guest was away
            KvmCalls.ioctl("KVM_SET_CLOCK", fd, KvmAbi.KVM_SET_CLOCK, m);
        }
    }

    /** Drives an input of the interrupt controllers. */
    public void setInterruptLine(int irq, boolean level) {
        requireOpen();
        try (Memory line = KvmCalls.zeroed(KvmAbi.IRQ_LEVEL_SIZE)) {
            line.setInt(0, irq);
            line.setInt(KvmAbi.IRQ_LEVEL_LEVEL, level ? 1 : 0);
            KvmCalls.ioctl("KVM_IRQ_LINE", fd, KvmAbi.KVM_IRQ_LINE, line);
        }
    }

    /** Adds a processor; its id is also that of its local APIC. The machine closes it. */
    public synchronized KvmVcpu createProcessor(int id) {
        requireOpen();
        int processor = KvmCalls.ioctl("KVM_CREATE_VCPU", fd, KvmAbi.KVM_CREATE_VCPU, id);
        try {
            KvmVcpu made = new KvmVcpu(processor, sizes);
            processors.add(made);
            return made;
        } catch (RuntimeException e) {
            KvmCalls.close(processor);
            throw e;
        }
    }

    private synchronized void requireOpen() {
        if (closed) {
            throw new IllegalStateException("this virtual machine is closed");
        }
    }

    /** Nobody may be in {@link KvmVcpu#run} any more. */
    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        writtenAtClose = writtenBytes();
        closed = true;
        processors.forEach(KvmVcpu::close);
        KvmCalls.close(fd);
        mappings.forEach(m -> KvmCalls.munmap(m.address, m.length));
    }
}
