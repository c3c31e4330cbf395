package example;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

class HypervisorIT {
    private static final Path TYPE = Path.of("/sys/hypervisor/type");

    @Test
    void isTheSameUnderBoth() throws IOException {
        assertTrue(Files.readString(Path.of("/proc/version")).startsWith("Linux version"));
    }

    @Test
    void isToldOfXen() throws IOException {
        assertTrue(Files.exists(TYPE), "no " + TYPE);
        assertEquals("xen", Files.readString(TYPE).strip());
    }

    @Test
    void printsWhatItSees() {
        System.out.println("hypervisor <seen>: " + Files.exists(TYPE));
    }
}
