package dev.runinvm.engine.hw;

import dev.runinvm.engine.Technique;
import dev.runinvm.engine.VmConfig;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;

class HwCommandLineTest {
    /** With any of these a kernel without CONFIG_X86_MPPARSE does without APICs, and so with one processor. */
    private static final Set<String> NO_APIC =
            Set.of("acpi=off", "acpi=noirq", "pci=noacpi", "nolapic", "disableapic", "noapic", "nosmp", "maxcpus=0");

    @Test
    void aKernelWithSeveralProcessorsMayUseTheirApics() {
        VmConfig config = VmConfig.of(Technique.HW).cpus(2);
        List<String> words =
                List.of(HwMachine.commandLine(config, 2_000_000_000L).split(" "));
        assertEquals(List.of(), words.stream().filter(NO_APIC::contains).toList());
        assertEquals(1, words.stream().filter("tsc_early_khz=2000000"::equals).count(), words.toString());
    }
}
