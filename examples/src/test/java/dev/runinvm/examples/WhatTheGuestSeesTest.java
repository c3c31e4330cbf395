package dev.runinvm.examples;

import dev.runinvm.engine.Technique;
import dev.runinvm.junit.RunInVM;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.ClassTemplate;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * What a guest can know of being one. Each test prints what it finds, so that the report shows technique beside technique,
 * and asserts what sets the technique apart. A technique that cannot run on a machine is skipped there, with the reason.
 */
@ClassTemplate
@RunInVM(
        technique = {Technique.FULL, Technique.PARA, Technique.HW},
        disabledWithout = true)
class WhatTheGuestSeesTest {
    /** What is to be expected under the technique of this guest; null where the machine decides. */
    private static String expected(Map<String, String> byTechnique) {
        return byTechnique.get(System.getProperty("runinvm.technique"));
    }

    private static String cpuinfo(String key) throws IOException {
        return Files.readAllLines(Path.of("/proc/cpuinfo")).stream()
                .filter(line -> line.startsWith(key))
                .map(line -> line.substring(line.indexOf(':') + 1).strip())
                .findFirst()
                .orElse("");
    }

    /** The kernel asks CPUID; under PARA it does so by a forced emulation prefix, and learns of the hypervisor. */
    @Test
    void cpuid() throws IOException {
        List<String> flags = List.of(cpuinfo("flags").split(" "));
        System.out.println("vendor " + cpuinfo("vendor_id"));
        System.out.println("model " + cpuinfo("model name"));
        System.out.println("hypervisor bit " + (flags.contains("hypervisor") ? "set" : "clear"));
        assertTrue(flags.contains("lm"), "a 64-bit processor");
        String bit = expected(Map.of("FULL", "clear"));
        if (bit != null) {
            assertEquals(bit.equals("set"), flags.contains("hypervisor"), flags.toString());
        }
    }

    /** Only a kernel that knows its hypervisor has something to show here. */
    @Test
    void sysHypervisor() throws IOException {
        Path type = Path.of("/sys/hypervisor/type");
        String found = Files.exists(type) ? Files.readString(type).strip() : "none";
        System.out.println("/sys/hypervisor/type " + found);
        String wanted = expected(Map.of("FULL", "none", "PARA", "xen", "HW", "none"));
        assertEquals(wanted, found);
    }

    /** What the kernel said of the machine when it booted. */
    @Test
    void dmesg() throws Exception {
        String log = Shell.run("dmesg").output();
        List<String> telling = log.lines()
                .map(line -> line.replaceFirst("^\\[[^]]*] ", ""))
                .filter(line -> line.matches("(?i).*(booting paravirtualized|hypervisor detected|bare hardware).*"))
                .toList();
        telling.forEach(System.out::println);
        assertFalse(telling.isEmpty(), log);
        String wanted = expected(Map.of("FULL", "on bare hardware", "PARA", "Hypervisor detected: Xen PV"));
        if (wanted != null) {
            assertTrue(telling.stream().anyMatch(line -> line.contains(wanted)), telling.toString());
        }
    }

    /** Where time comes from: a counter of the processor, or pages that the hypervisor keeps up to date. */
    @Test
    void timeSources() throws IOException {
        Path folder = Path.of("/sys/devices/system");
        String source = Files.readString(folder.resolve("clocksource/clocksource0/current_clocksource"))
                .strip();
        String event = Files.readString(folder.resolve("clockevents/clockevent0/current_device"))
                .strip();
        System.out.println("clock source " + source + ", clock events " + event);
        String wanted = expected(Map.of("FULL", "pit", "PARA", "xen"));
        if (wanted != null) {
            assertEquals(wanted, event);
        }
    }

    /** Who answers interrupts: controllers of a PC, or event channels. */
    @Test
    void interrupts() throws IOException {
        List<String> chips = Files.readAllLines(Path.of("/proc/interrupts")).stream()
                .filter(line -> line.matches("\\s*\\d+:.*"))
                .map(line -> line.strip().split("\\s+"))
                .map(words -> words[2])
                .distinct()
                .sorted()
                .toList();
        System.out.println("interrupt chips " + chips.stream().collect(Collectors.joining(", ")));
        assertFalse(chips.isEmpty());
        String wanted = expected(Map.of("FULL", "XT-PIC", "PARA", "xen"));
        if (wanted != null) {
            assertTrue(chips.stream().anyMatch(chip -> chip.startsWith(wanted)), chips.toString());
        }
    }
}
