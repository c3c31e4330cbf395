package dev.runinvm.bench;

import java.util.List;
import java.util.Optional;

/**
 * User-Mode Linux: a kernel built as a program. It runs no stock kernel, only its own, so it is the one contender whose
 * kernel differs; the file system and the work are the same.
 */
record Uml(Workload workload) implements Contender {
    private static final String PROGRAM = "linux.uml";

    @Override
    public String name() {
        return "uml";
    }

    @Override
    public String description() {
        return "User-Mode Linux, its own kernel " + Tool.version(PROGRAM, "--version");
    }

    @Override
    public Optional<String> missing() {
        return Tool.missing(PROGRAM, "user-mode-linux");
    }

    @Override
    public List<String> command(Work work) {
        return List.of(
                PROGRAM,
                "mem=" + workload.memoryMib() + "M",
                "initrd=" + workload.initramfs(),
                "con=null",
                "con0=null,fd:1",
                "ssl=null",
                "ssl1=null,fd:2",
                "console=tty0",
                "rdinit=/init",
                "mitigations=off",
                "random.trust_cpu=on",
                "panic=-1",
                "loglevel=6",
                argument("runinvm.mode=", work),
                argument("runinvm.command=", work));
    }

    private String argument(String start, Work work) {
        for (String word : workload.kernelCommandLine(work).toString().split(" ")) {
            if (word.startsWith(start)) {
                return word;
            }
        }
        throw new IllegalStateException("the command line has no " + start);
    }
}
