package dev.runinvm.examples;

import dev.runinvm.junit.Guest;
import dev.runinvm.junit.GuestFiles;
import dev.runinvm.junit.RunInVM;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.MediaType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestReporter;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** What a test may ask its guest, and files that go in and come back. */
@RunInVM(files = "pom.xml:/data/pom.xml")
class GuestAndFilesTest {
    @Test
    void theGuestKnowsWhatItIs(Guest guest) throws IOException {
        assertEquals(
                guest.kernelRelease(),
                Files.readString(Path.of("/proc/sys/kernel/osrelease")).strip());
        assertTrue(
                guest.console().stream().anyMatch(line -> line.contains("Linux version " + guest.kernelRelease())),
                () -> guest.console().toString());
        assertTrue(guest.memoryBytes() > Runtime.getRuntime().maxMemory());
    }

    @Test
    void theEngineCountsWhatATestCosts(Guest guest) {
        long before = guest.counters().get("channel.flushes");
        System.out.println("a word to the host");
        assertTrue(guest.counters().get("channel.flushes") > before);
    }

    @Test
    void filesGoInAndComeBack(TestReporter reporter) throws IOException {
        String pom = Files.readString(Path.of("/data/pom.xml"));
        assertTrue(pom.contains("<artifactId>examples</artifactId>"));
        Files.writeString(GuestFiles.directory().resolve("modules.txt"), Files.readString(Path.of("/proc/modules")));
        reporter.publishFile(
                "mounts.txt",
                MediaType.TEXT_PLAIN_UTF_8,
                file -> Files.writeString(file, Files.readString(Path.of("/proc/mounts"))));
    }
}
