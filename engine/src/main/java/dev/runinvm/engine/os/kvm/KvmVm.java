package dev.runinvm.engine.os.kvm;

import com.sun.jna.Memory;
import java.util.ArrayList;
import java.util.List;

/**
 * One virtual machine. Owns its descriptor, the mappings of its memory and its processors, and closes them all. Its
 * methods are for any thread.
 */
public final class KvmVm implements AutoCloseable {
    private record Mapping(long address, long length) {}

    private final int fd;
    private final int runSize;
    private final List<Mapping> mappings = new ArrayList<>();
    private final List<KvmVcpu> processors = new ArrayList<>();
    private boolean closed;

    KvmVm(int fd, int runSize) {
        this.fd = fd;
        this.runSize = runSize;
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
        mappings.add(new Mapping(address, length));
        try (Memory region = KvmCalls.zeroed(KvmAbi.MEMORY_REGION_SIZE)) {
            region.setInt(0, slot);
            region.setLong(KvmAbi.MEMORY_REGION_GUEST_ADDRESS, guestAddress);
            region.setLong(KvmAbi.MEMORY_REGION_BYTES, length);
            region.setLong(KvmAbi.MEMORY_REGION_USER_ADDRESS, address);
            KvmCalls.ioctl("KVM_SET_USER_MEMORY_REGION", fd, KvmAbi.KVM_SET_USER_MEMORY_REGION, region);
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
            KvmVcpu made = new KvmVcpu(processor, runSize);
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
        closed = true;
        processors.forEach(KvmVcpu::close);
        KvmCalls.close(fd);
        mappings.forEach(m -> KvmCalls.munmap(m.address, m.length));
    }
}
