package dev.runinvm.engine.hw;

import dev.runinvm.engine.Availability;
import dev.runinvm.engine.os.kvm.KvmException;
import dev.runinvm.engine.os.kvm.KvmExtension;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Each obstacle has a text of its own that says what to do, over machines that are folders. */
class HwRequirementsTest {
    private static final KvmAnswers GOOD = new KvmAnswers(12, List.of(), 288, Optional.empty());

    @TempDir
    Path root;

    private Function<Path, KvmAnswers> device = path -> GOOD;

    @BeforeEach
    void aGoodMachine() throws IOException {
        flags("fpu vmx tsc");
        write("dev/kvm", "");
    }

    @Test
    void aGoodMachineNamesItsExtension() throws IOException {
        assertTrue(check().usable());
        assertEquals(List.of("Intel VT-x, at most 288 processors a guest"), check().notes());
        flags("fpu svm");
        assertTrue(check().usable());
        assertTrue(check().notes().get(0).startsWith("AMD-V"), check().toString());
    }

    @Test
    void nestedVirtualizationIsANote() throws IOException {
        flags("fpu svm hypervisor");
        assertTrue(check().usable());
        assertTrue(check().notes().get(0).contains("nested virtualization"), check().toString());
    }

    @Test
    void everyObstacleIsNamedWithItsRemedy() throws IOException {
        Set<String> texts = new HashSet<>();
        Files.delete(root.resolve("dev/kvm"));
        texts.add(missing("/dev/kvm is absent", "vmx (Intel VT-x)", "modprobe kvm_intel"));
        Files.createDirectories(root.resolve("sys/module/kvm_intel"));
        texts.add(missing("/dev/kvm is absent", "container", "--device /dev/kvm"));
        flags("fpu");
        texts.add(missing("/dev/kvm is absent", "neither vmx", "firmware"));
        flags("fpu hypervisor");
        texts.add(missing("/dev/kvm is absent", "neither vmx", "nested virtualization", "technique FULL"));
        write("dev/kvm", "");
        texts.add(missing("neither vmx", "in software", "thousands of times too slow"));
        flags("fpu svm");
        refuse(KvmException.EACCES);
        texts.add(missing("may not open /dev/kvm", "belongs to group " + group(), "usermod -aG " + group()));
        refuse(KvmException.EPERM);
        texts.add(missing("forbidden", "container", "--device /dev/kvm"));
        refuse(KvmException.ENODEV);
        texts.add(missing("no driver", "modprobe kvm_amd"));
        refuse(KvmException.EBUSY);
        String busy = missing("busy", "VirtualBox", "AMD-V");
        texts.add(busy);
        refuse(5);
        texts.add(missing("cannot be used", "open: 5"));
        device = path -> new KvmAnswers(11, List.of(), 0, Optional.empty());
        texts.add(missing("version 11", "not 12"));
        device = path ->
                new KvmAnswers(12, List.of(KvmExtension.IRQCHIP, KvmExtension.IMMEDIATE_EXIT), 1, Optional.empty());
        texts.add(missing("lacks KVM_CAP_IRQCHIP, KVM_CAP_IMMEDIATE_EXIT;", "Linux 4.12"));
        device = path ->
                new KvmAnswers(12, List.of(), 1, Optional.of(new KvmException("create", KvmException.EOPNOTSUPP)));
        texts.add(missing("makes no machine", "AMD-V is switched off"));
        assertEquals(13, texts.size(), texts.toString());
        device = path -> new KvmAnswers(12, List.of(), 1, Optional.of(new KvmException("create", KvmException.EBUSY)));
        assertEquals(busy, missing("busy"));
    }

    @Test
    void thisMachineIsJudgedWithoutError() {
        Availability here = new HwTechnique().availability();
        assertEquals(here.usable(), here.missing().isEmpty());
        if (!Files.exists(Path.of("/dev/kvm"))) {
            assertFalse(here.usable());
            assertTrue(here.missing().get(0).contains("/dev/kvm is absent"), here.toString());
        }
    }

    private Availability check() {
        return new HwRequirements(root, device).check();
    }

    /** The one obstacle, which contains these words. */
    private String missing(String... words) {
        List<String> missing = check().missing();
        assertEquals(1, missing.size(), missing.toString());
        for (String word : words) {
            assertTrue(missing.get(0).contains(word), "\"" + word + "\" in: " + missing.get(0));
        }
        return missing.get(0);
    }

    private void refuse(int errno) {
        device = path -> {
            throw new KvmException("open: " + errno, errno);
        };
    }

    private String group() throws IOException {
        return Files.getAttribute(root.resolve("dev/kvm"), "posix:group").toString();
    }

    private void flags(String flags) throws IOException {
        write("proc/cpuinfo", "processor : 0\nflags\t\t: " + flags + "\n");
    }

    private void write(String file, String text) throws IOException {
        Path path = root.resolve(file);
        Files.createDirectories(path.getParent());
        Files.writeString(path, text);
    }
}
