package dev.runinvm.engine.os;

import com.sun.jna.LastErrorException;
import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** What the host's kernel and C library say about the machine; nothing here changes anything but CPU affinity. */
public final class Host {
    private static final int AT_HWCAP2 = 26;
    private static final int AT_MINSIGSTKSZ = 51;
    private static final int SECCOMP_GET_ACTION_AVAIL = 2;
    private static final int PERF_TYPE_SOFTWARE = 1;
    private static final int PERF_COUNT_SW_DUMMY = 9;
    private static final int PERF_ATTR_SIZE = 64;
    private static final long PERF_EXCLUDE_KERNEL_AND_HYPERVISOR = 1 << 5 | 1 << 6;
    private static final int PERF_FLAG_FD_CLOEXEC = 8;
    private static final int PERF_CAP_USER_TIME = 1 << 3;
    private static final int CPU_BYTES = 128;

    private Host() {}

    /** Whether this JVM runs on Linux on x86-64. */
    public static boolean isLinuxX64() {
        String arch = System.getProperty("os.arch", "");
        return System.getProperty("os.name", "").equals("Linux") && (arch.equals("amd64") || arch.equals("x86_64"));
    }

    /** Our own process id. */
    public static int pid() {
        return LibC.getpid();
    }

    /** Whether user code may use RDFSBASE and its kin (AT_HWCAP2 bit 1). */
    public static boolean hasFsGsBase() {
        return (LibC.getauxval(AT_HWCAP2) & 2) != 0;
    }

    /** Bytes the kernel writes for a signal, at most (AT_MINSIGSTKSZ); 0 if this kernel does not say. */
    public static int minSignalStack() {
        return (int) LibC.getauxval(AT_MINSIGSTKSZ);
    }

    /**
     * Ticks of the time-stamp counter in a second, exactly as the kernel reckons, from the page it shares with users of
     * perf events (perf_event_open(2), cap_user_time).
     *
     * @return 0 if the kernel does not tell
     */
    public static long tscHz() {
        int fd = -1;
        try (Memory attributes = new Memory(PERF_ATTR_SIZE)) {
            attributes.clear();
            attributes.setInt(0, PERF_TYPE_SOFTWARE);
            attributes.setInt(4, PERF_ATTR_SIZE);
            attributes.setLong(8, PERF_COUNT_SW_DUMMY);
            attributes.setLong(40, PERF_EXCLUDE_KERNEL_AND_HYPERVISOR);
            long address = Pointer.nativeValue(attributes);
            fd = (int) LibC.syscall(LibC.SYS_PERF_EVENT_OPEN, address, 0, -1, -1, PERF_FLAG_FD_CLOEXEC, 0);
            long page = LibC.syscall(LibC.SYS_MMAP, 0, 4096, 1, 1, fd, 0);
            Pointer p = new Pointer(page);
            boolean timeValid = (p.getLong(40) & PERF_CAP_USER_TIME) != 0;
            int shift = p.getShort(50) & 0xffff;
            long multiplier = p.getInt(52) & 0xffff_ffffL;
            LibC.syscall(LibC.SYS_MUNMAP, page, 4096, 0, 0, 0, 0);
            return timeValid && multiplier != 0 ? Math.round(1e9 * Math.pow(2, shift) / multiplier) : 0;
        } catch (LastErrorException e) {
            return 0; // kernel.perf_event_paranoid, or seccomp in a container
        } finally {
            if (fd >= 0) {
                LibC.close(fd);
            }
        }
    }

    /** Whether seccomp(2) knows an action, e.g. SECCOMP_RET_TRAP. */
    public static boolean seccompHas(int action) {
        try (Memory m = new Memory(8)) {
            m.setInt(0, action);
            LibC.syscall(LibC.SYS_SECCOMP, SECCOMP_GET_ACTION_AVAIL, 0, Pointer.nativeValue(m), 0, 0, 0);
            return true;
        } catch (LastErrorException e) {
            return false;
        }
    }

    /** Whether pidfd_open(2) exists (Linux 5.3). */
    public static boolean hasPidFd() {
        try {
            LibC.close((int) LibC.syscall(LibC.SYS_PIDFD_OPEN, LibC.getpid(), 0, 0, 0, 0, 0));
            return true;
        } catch (LastErrorException e) {
            return false;
        }
    }

    /** A decimal number in a file of /proc/sys, or a default where it can't be read. */
    public static long sysctl(String path, long otherwise) {
        // In one read: a second one, at an offset, finds the end of the file there.
        try (InputStream in = Files.newInputStream(Path.of("/proc/sys", path))) {
            byte[] b = new byte[64];
            int n = in.read(b);
            return Long.parseLong(new String(b, 0, Math.max(0, n), StandardCharsets.US_ASCII).trim());
        } catch (IOException | NumberFormatException e) {
            return otherwise;
        }
    }

    /** Number of the CPU the calling thread runs on just now. */
    public static int currentCpu() {
        return LibC.sched_getcpu();
    }

    /** The CPUs a thread may run on, one bit each. @param tid thread id, 0 for the caller */
    public static byte[] affinity(int tid) {
        try (Memory m = new Memory(CPU_BYTES)) {
            m.clear();
            LibC.syscall(LibC.SYS_SCHED_GETAFFINITY, tid, CPU_BYTES, Pointer.nativeValue(m), 0, 0, 0);
            return m.getByteArray(0, CPU_BYTES);
        } catch (LastErrorException e) {
            return new byte[0];
        }
    }

    /** Restricts a thread to some CPUs. Answers whether the kernel agreed. @param tid thread id, 0 for the caller */
    public static boolean setAffinity(int tid, byte[] cpus) {
        if (cpus.length == 0) {
            return false;
        }
        try (Memory m = new Memory(cpus.length)) {
            m.write(0, cpus, 0, cpus.length);
            LibC.syscall(LibC.SYS_SCHED_SETAFFINITY, tid, cpus.length, Pointer.nativeValue(m), 0, 0, 0);
            return true;
        } catch (LastErrorException e) {
            return false;
        }
    }

    /** The mask of one CPU, for {@link #setAffinity}. */
    public static byte[] onlyCpu(int cpu) {
        byte[] mask = new byte[CPU_BYTES];
        mask[cpu >> 3] = (byte) (1 << (cpu & 7));
        return mask;
    }

    /** Address of a direct buffer's first byte, for structures that are read by other processes' kernels. */
    static long addressOf(ByteBuffer direct) {
        return Pointer.nativeValue(Native.getDirectBufferPointer(direct));
    }
}
