package example;

import dev.runinvm.junit.Guest;
import dev.runinvm.junit.GuestFiles;
import dev.runinvm.junit.RunInVM;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The annotation is what the Guest parameter needs; in the plugin's guest it starts no other. */
@RunInVM
class FilesIT {
    @Test
    void filesGoInAndComeBack() throws IOException {
        String word = Files.readString(Path.of("/data/word.txt"));
        Files.writeString(
                GuestFiles.directory().resolve("answer.txt"),
                word + "and from " + Files.readString(Path.of("/proc/version")));
    }

    @Test
    void theEngineCounts(Guest guest) {
        long before = guest.counters().get("channel.flushes");
        System.out.println("a word to the host");
        assertTrue(guest.counters().get("channel.flushes") > before);
        assertTrue(guest.console().stream().anyMatch(line -> line.contains("Linux version " + guest.kernelRelease())));
    }

    @Test
    void theTestsLoaderIsTheSystems() throws ClassNotFoundException {
        assertEquals(FilesIT.class, ClassLoader.getSystemClassLoader().loadClass(FilesIT.class.getName()));
    }
}
