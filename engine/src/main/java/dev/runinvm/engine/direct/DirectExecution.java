package dev.runinvm.engine.direct;

import dev.runinvm.engine.os.Host;
import java.util.ArrayList;
import java.util.List;

/** Whether guest code can run directly on this machine. */
public final class DirectExecution {
    private static final int SECCOMP_RET_TRAP = 0x0003_0000;
    private static final int SECCOMP_RET_KILL_PROCESS = 0x8000_0000;

    private DirectExecution() {}

    /** All reasons why not; empty if it can. */
    public static List<String> check() {
        if (!Host.isLinuxX64()) {
            return List.of("it needs Linux on x86-64, this is " + System.getProperty("os.name") + " on "
                    + System.getProperty("os.arch"));
        }
        List<String> reasons = new ArrayList<>();
        if (!Host.seccompHas(SECCOMP_RET_TRAP) || !Host.seccompHas(SECCOMP_RET_KILL_PROCESS)) {
            reasons.add("the kernel has no seccomp filters with RET_TRAP and RET_KILL_PROCESS"
                    + " (CONFIG_SECCOMP_FILTER, Linux 4.14), or the container forbids seccomp(2)");
        }
        if (!Host.hasPidFd()) {
            reasons.add("the kernel has no pidfd_open (Linux 5.3), or the container forbids it");
        }
        if (Host.sysctl("vm/memfd_noexec", 0) >= 2) {
            reasons.add("executable memory files are forbidden (sysctl vm.memfd_noexec=2)");
        }
        if (!java.nio.file.Files.isDirectory(java.nio.file.Path.of("/proc/self/fd"))) {
            reasons.add("/proc is not mounted");
        }
        return List.copyOf(reasons);
    }
}
