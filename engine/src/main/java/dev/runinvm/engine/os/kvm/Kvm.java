package dev.runinvm.engine.os.kvm;

import com.sun.jna.LastErrorException;
import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The kernel's KVM itself: an open /dev/kvm. Owns its descriptor. */
public final class Kvm implements AutoCloseable {
    /** The device. */
    public static final Path DEVICE = Path.of("/dev/kvm");
    /** The only version of the interface there has been since Linux 2.6.22. */
    public static final int API_VERSION = KvmAbi.KVM_API_VERSION;

    private static final int MOST_CPUID_ENTRIES = 4096;
    private static final int MOST_MSRS = 4096;

    private final int fd;
    private boolean closed;

    private Kvm(int fd) {
        this.fd = fd;
    }

    /**
     * Opens the device.
     *
     * @throws KvmException if the kernel refuses
     */
    public static Kvm open(Path device) {
        return new Kvm(KvmCalls.open(device.toString()));
    }

    /** Version of the interface. */
    public int apiVersion() {
        return KvmCalls.ioctl("KVM_GET_API_VERSION", fd, KvmAbi.KVM_GET_API_VERSION, 0);
    }

    /** What the kernel says of an extension: 0 if it is missing, otherwise 1 or a number that belongs to it. */
    public int extension(KvmExtension extension) {
        return KvmCalls.ioctl("KVM_CHECK_EXTENSION", fd, KvmAbi.KVM_CHECK_EXTENSION, extension.number);
    }

    /** The CPUID leaves that the processor and KVM can offer to a guest. */
    public List<CpuidEntry> supportedCpuid() {
        for (int n = 128; n <= MOST_CPUID_ENTRIES; n *= 2) {
            try (Memory memory = KvmCalls.zeroed(KvmAbi.CPUID_HEADER + (long) n * KvmAbi.CPUID_ENTRY_SIZE)) {
                memory.setInt(0, n);
                KvmCalls.ioctl(fd, KvmAbi.KVM_GET_SUPPORTED_CPUID, Pointer.nativeValue(memory));
                return entries(memory);
            } catch (LastErrorException e) {
                if (e.getErrorCode() != KvmCalls.E2BIG) {
                    throw new KvmException("KVM_GET_SUPPORTED_CPUID", e);
                }
            }
        }
        throw new KvmException("KVM_GET_SUPPORTED_CPUID: more than " + MOST_CPUID_ENTRIES + " leaves", KvmCalls.E2BIG);
    }

    /** Numbers of the model-specific registers that belong to a guest's state; of some, a machine may know nothing. */
    public List<Integer> msrNumbers() {
        for (int n = 256; n <= MOST_MSRS; n *= 2) {
            try (Memory memory = KvmCalls.zeroed(KvmAbi.MSR_LIST_HEADER + 4L * n)) {
                memory.setInt(0, n);
                KvmCalls.ioctl(fd, KvmAbi.KVM_GET_MSR_INDEX_LIST, Pointer.nativeValue(memory));
                List<Integer> numbers = new ArrayList<>();
                for (int i = 0; i < memory.getInt(0); i++) {
                    numbers.add(memory.getInt(KvmAbi.MSR_LIST_HEADER + 4L * i));
                }
                return numbers;
            } catch (LastErrorException e) {
                if (e.getErrorCode() != KvmCalls.E2BIG) {
                    throw new KvmException("KVM_GET_MSR_INDEX_LIST", e);
                }
            }
        }
        throw new KvmException("KVM_GET_MSR_INDEX_LIST: more than " + MOST_MSRS + " registers", KvmCalls.E2BIG);
    }

    private static List<CpuidEntry> entries(Memory memory) {
        List<CpuidEntry> entries = new ArrayList<>();
        for (int i = 0; i < memory.getInt(0); i++) {
            long at = KvmAbi.CPUID_HEADER + (long) i * KvmAbi.CPUID_ENTRY_SIZE;
            long eax = at + KvmAbi.CPUID_ENTRY_EAX;
            entries.add(new CpuidEntry(
                    memory.getInt(at),
                    memory.getInt(at + 4),
                    memory.getInt(at + 8),
                    memory.getInt(eax),
                    memory.getInt(eax + 4),
                    memory.getInt(eax + 8),
                    memory.getInt(eax + 12)));
        }
        return entries;
    }

    /**
     * Makes a machine without memory or processors.
     *
     * @throws KvmException if the kernel refuses, with EBUSY if another hypervisor holds the processor
     */
    public KvmVm createVm() {
        KvmSizes sizes = new KvmSizes(
                KvmCalls.ioctl("KVM_GET_VCPU_MMAP_SIZE", fd, KvmAbi.KVM_GET_VCPU_MMAP_SIZE, 0),
                extension(KvmExtension.XSAVE2),
                extension(KvmExtension.XCRS) != 0);
        return new KvmVm(KvmCalls.ioctl("KVM_CREATE_VM", fd, KvmAbi.KVM_CREATE_VM, 0), sizes);
    }

    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            KvmCalls.close(fd);
        }
    }
}
