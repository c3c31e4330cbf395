package dev.runinvm.engine.hw;

import dev.runinvm.engine.Availability;
import dev.runinvm.engine.Technique;
import dev.runinvm.engine.os.Host;
import dev.runinvm.engine.os.kvm.Kvm;
import dev.runinvm.engine.os.kvm.KvmException;
import dev.runinvm.engine.os.kvm.KvmExtension;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;

/** Whether HW can run on a machine and, if not, exactly why: each obstacle has a text and a remedy of its own. */
final class HwRequirements {
    private final Path root;
    private final Function<Path, KvmAnswers> ask;

    /**
     * For the machine below a folder.
     *
     * @param root holds proc, sys and dev
     * @param ask asks the device at a path, as {@link KvmAnswers#ask}
     */
    HwRequirements(Path root, Function<Path, KvmAnswers> ask) {
        this.root = root;
        this.ask = ask;
    }

    Availability check() {
        List<String> notes = new ArrayList<>();
        List<String> missing = Host.isLinuxX64()
                ? missing(notes)
                : List.of("HW runs on 64-bit x86 Linux only, not on " + System.getProperty("os.name") + " on "
                        + System.getProperty("os.arch"));
        return new Availability(Technique.HW, missing, notes);
    }

    /** The CPU's extension: its flag, its trade name, the kernel's module for it. */
    private enum Extension {
        VMX("vmx", "Intel VT-x", "kvm_intel"),
        SVM("svm", "AMD-V", "kvm_amd"),
        NONE("", "", "");

        private final String flag;
        private final String trade;
        private final String module;

        Extension(String flag, String trade, String module) {
            this.flag = flag;
            this.trade = trade;
            this.module = module;
        }

        static Extension of(Set<String> flags) {
            return flags.contains(VMX.flag) ? VMX : flags.contains(SVM.flag) ? SVM : NONE;
        }
    }

    private List<String> missing(List<String> notes) {
        Set<String> flags = cpuFlags();
        Extension extension = Extension.of(flags);
        boolean nested = flags.contains("hypervisor");
        Path device = root.resolve("dev/kvm");
        if (!Files.exists(device)) {
            return List.of(absent(extension, nested));
        }
        if (extension == Extension.NONE) {
            return List.of(
                    "/dev/kvm is there, but the CPU has neither vmx (Intel VT-x) nor svm (AMD-V): this KVM is made in"
                            + " software, thousands of times too slow to boot a kernel; use technique FULL");
        }
        if (nested) {
            notes.add(
                    "nested virtualization: this machine is itself a virtual machine (CPU flag hypervisor), so leaving a"
                            + " guest costs many times what it does on bare metal");
        }
        try {
            return judge(ask.apply(device), extension, notes);
        } catch (KvmException e) {
            return List.of(refusedToOpen(device, e, extension));
        }
    }

    private String absent(Extension extension, boolean nested) {
        if (extension == Extension.NONE) {
            return nested
                    ? "/dev/kvm is absent, and the CPU has neither vmx nor svm: this machine is itself a virtual machine (CPU"
                            + " flag hypervisor) whose hypervisor does not offer nested virtualization; turn it on there, or"
                            + " use technique FULL"
                    : "/dev/kvm is absent, and the CPU has neither vmx (Intel VT-x) nor svm (AMD-V): turn virtualization on in"
                            + " the firmware's setup, or use technique FULL";
        }
        String has = "/dev/kvm is absent, though the CPU has " + extension.flag + " (" + extension.trade + "): ";
        return Files.exists(root.resolve("sys/module/" + extension.module))
                ? has + extension.module
                        + " is loaded, so the device is kept from this container; hand it in (docker run"
                        + " --device /dev/kvm)"
                : has + "load the module (modprobe " + extension.module + ", as root); if it refuses, "
                        + extension.trade + " is switched off in the firmware's setup";
    }

    private String refusedToOpen(Path device, KvmException e, Extension extension) {
        return switch (e.errno()) {
            case KvmException.EACCES ->
                "this user (" + System.getProperty("user.name") + ") may not open /dev/kvm, " + owner(device);
            case KvmException.EPERM ->
                "opening /dev/kvm is forbidden (EPERM) whatever its mode: the container's device rules do that; hand the"
                        + " device in (docker run --device /dev/kvm)";
            case KvmException.ENODEV, KvmException.ENXIO ->
                "/dev/kvm has no driver behind it: load the module (modprobe " + extension.module + ", as root)";
            case KvmException.EBUSY -> busy(extension);
            default -> "/dev/kvm cannot be used: " + e.getMessage();
        };
    }

    private static String busy(Extension extension) {
        return "/dev/kvm is busy: another hypervisor on this machine (VirtualBox, VMware) holds " + extension.trade
                + "; end its guests";
    }

    private static String owner(Path device) {
        try {
            PosixFileAttributes attributes = Files.readAttributes(device, PosixFileAttributes.class);
            String group = attributes.group().getName();
            return "which belongs to group " + group + " (mode "
                    + PosixFilePermissions.toString(attributes.permissions()) + "): sudo usermod -aG " + group + " "
                    + System.getProperty("user.name") + ", then log in again";
        } catch (IOException | UnsupportedOperationException e) {
            return "and neither can its owner be read: " + e;
        }
    }

    private static List<String> judge(KvmAnswers answers, Extension extension, List<String> notes) {
        if (answers.apiVersion() != Kvm.API_VERSION) {
            return List.of("/dev/kvm speaks version " + answers.apiVersion() + " of KVM's interface, not "
                    + Kvm.API_VERSION + " as every Linux since 2.6.22: it is something else, or broken");
        }
        List<String> missing = new ArrayList<>();
        if (!answers.missing().isEmpty()) {
            missing.add("this kernel's KVM lacks "
                    + answers.missing().stream()
                            .map(KvmExtension::name)
                            .collect(Collectors.joining(", ", "KVM_CAP_", ""))
                            .replace(", ", ", KVM_CAP_")
                    + "; Linux 4.12 and later have all of it on x86 unless it is configured out");
        }
        answers.refusal()
                .ifPresent(e -> missing.add(
                        e.errno() == KvmException.EBUSY
                                ? busy(extension)
                                : "KVM makes no machine: " + e.getMessage()
                                        + (e.errno() == KvmException.EOPNOTSUPP
                                                ? "; " + extension.trade + " is switched off in the firmware's setup"
                                                : "")));
        notes.add(extension.trade + ", at most " + answers.cpus() + " processors a guest");
        return missing;
    }

    private Set<String> cpuFlags() {
        try {
            return Files.readString(root.resolve("proc/cpuinfo"))
                    .lines()
                    .filter(line -> line.startsWith("flags"))
                    .findFirst()
                    .map(line -> Set.copyOf(
                            List.of(line.substring(line.indexOf(':') + 1).trim().split("\\s+"))))
                    .orElse(Set.of());
        } catch (IOException e) {
            return Set.of(); // no /proc: then there is nothing to be found, and the texts say so
        }
    }
}
