package dev.runinvm.engine;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class TechniquesTest {
    @Test
    void aTechniqueThatHasNotGotWhatIsAskedForSaysWhoHas() {
        HostLacks several = assertThrows(
                HostLacks.class,
                () -> Techniques.start(VmConfig.of(Technique.FULL).cpus(4)));
        assertTrue(
                several.getMessage()
                        .contains("technique FULL does not run guests of more than one processor; those that do: HW"),
                several.getMessage());
        HostLacks clock = assertThrows(
                HostLacks.class,
                () -> Techniques.start(VmConfig.of(Technique.FULL).paravirtualClock(true)));
        assertTrue(clock.getMessage().contains("hypervisor's clock; those that do: HW"), clock.getMessage());
        HostLacks disks = assertThrows(
                HostLacks.class,
                () -> Techniques.start(VmConfig.of(Technique.FULL).disk(Path.of("disk"), true)));
        assertTrue(disks.getMessage().contains("guests with disks; those that do: PARA"), disks.getMessage());
    }

    @Test
    void aGuestHasAtLeastOneProcessor() {
        VmConfig config = VmConfig.of(Technique.HW);
        assertThrows(HostLacks.class, () -> config.cpus(0));
        assertThrows(HostLacks.class, () -> config.cpus(VmConfig.MOST_CPUS + 1));
    }
}
