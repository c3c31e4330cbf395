package dev.runinvm.bench;

import dev.runinvm.engine.direct.HostCpu;
import java.util.List;
import java.util.Optional;

/** QEMU without KVM: every instruction of the guest, kernel and programs, translated. Its leanest machine, "microvm". */
record QemuTcg(Workload workload) implements Contender {
    private static final String PROGRAM = "qemu-system-x86_64";

    @Override
    public String name() {
        return "qemu-tcg";
    }

    @Override
    public String description() {
        return Tool.version(PROGRAM, "--version") + ", -accel tcg -M microvm -cpu max, kernel "
                + workload.image().kernelRelease();
    }

    @Override
    public Optional<String> missing() {
        return Tool.missing(PROGRAM, "qemu-system-x86");
    }

    @Override
    public List<String> command(Work work) {
        return List.of(
                PROGRAM,
                "-accel",
                "tcg",
                "-M",
                "microvm,isa-serial=on,rtc=on,pit=on,pic=on",
                "-cpu",
                "max",
                "-m",
                workload.memoryMib() + "M",
                "-nodefaults",
                "-no-user-config",
                "-no-reboot",
                "-display",
                "none",
                "-kernel",
                workload.image().vmlinuxFile().toString(),
                "-initrd",
                workload.initramfs().toString(),
                "-append",
                commandLine(work),
                "-chardev",
                "file,id=console,path=/dev/stdout",
                "-serial",
                "chardev:console",
                "-chardev",
                "file,id=reports,path=/dev/stderr",
                "-device",
                "isa-serial,index=1,chardev=reports");
    }

    /**
     * With the frequency of the time-stamp counter, which is the host's here too. Left to itself the kernel measures it
     * against an emulated timer; on a busy host that fails, and such a guest hangs as it looks for another clock.
     */
    private String commandLine(Work work) {
        return workload.kernelCommandLine(work)
                .tscKhz(HostCpu.probe().tscHz() / 1000)
                .toString();
    }
}
