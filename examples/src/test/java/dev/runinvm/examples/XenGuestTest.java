package dev.runinvm.examples;

import dev.runinvm.engine.Technique;
import dev.runinvm.junit.RunInVM;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Under PARA the kernel knows that it is a guest, and of whom. */
@RunInVM(technique = Technique.PARA)
class XenGuestTest {
    @Test
    void theHypervisorIsXen() throws IOException {
        assertEquals("xen", Files.readString(Path.of("/sys/hypervisor/type")).strip());
        assertEquals(
                "PV", Files.readString(Path.of("/sys/hypervisor/guest_type")).strip());
    }

    @Test
    void theClockIsTheHypervisors() throws IOException {
        Path clock = Path.of("/sys/devices/system/clocksource/clocksource0/current_clocksource");
        assertEquals("xen", Files.readString(clock).strip());
        long first = System.nanoTime();
        long last = first;
        for (int i = 0; i < 100_000; i++) {
            long now = System.nanoTime();
            assertTrue(now >= last, "time went back");
            last = now;
        }
    }

    @Test
    void theConsolesAreRings() {
        assertTrue(Files.exists(Path.of("/dev/hvc0")));
        assertTrue(Files.exists(Path.of("/sys/bus/xen/devices/console-1")));
    }
}
