package dev.runinvm.junit;

import dev.runinvm.client.ReceivedFiles;
import dev.runinvm.engine.GuestFailure;
import dev.runinvm.wire.GuestMessage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.MediaType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectMethod;

/** Files into a guest and back, attachments of tests, and what a test may ask its guest. The guest is a fake. */
class FilesTest {
    private static final Path THERE = Path.of(System.getProperty("java.io.tmpdir"), "runinvm-files-test");

    @RegisterExtension
    final FakeGuests guests = new FakeGuests();

    private final Host host = new Host();

    @RunInVM
    static class Copies {
        @Test
        void copies() throws IOException {
            String text = Files.readString(THERE.resolve("in/deep/file.txt")) + Files.readString(THERE.resolve("one"));
            assertTrue(
                    Files.isExecutable(THERE.resolve("in/deep/program")) && Files.isExecutable(THERE.resolve("one")));
            assertFalse(Files.getPosixFilePermissions(THERE.resolve("in/deep/file.txt"))
                    .contains(PosixFilePermission.OWNER_EXECUTE));
            Files.createDirectories(GuestFiles.directory().resolve("sub/empty"));
            Files.writeString(GuestFiles.directory().resolve("sub/out.txt"), text.toUpperCase(java.util.Locale.ROOT));
            Files.write(GuestFiles.directory().resolve("large"), new byte[3 << 20]);
            Files.write(GuestFiles.directory().resolve("nothing"), new byte[0]);
            Files.createSymbolicLink(GuestFiles.directory().resolve("link"), Path.of("/etc/passwd"));
        }
    }

    @Test
    void filesGoInAndComeBack(@TempDir Path logs, @TempDir Path data) throws IOException {
        Files.createDirectories(data.resolve("deep"));
        Files.writeString(data.resolve("deep/file.txt"), "text of a directory's, ");
        assertTrue(Files.createFile(data.resolve("deep/program")).toFile().setExecutable(true));
        Path one = Files.writeString(data.resolve("single"), "text of a file's");
        assertTrue(one.toFile().setExecutable(true));
        Path stale = Files.createDirectories(
                        logs.resolve(Copies.class.getName()).resolve("files"))
                .resolve("stale");
        Files.writeString(stale, "of a run before");
        try {
            Recorder recorder = host.launch(
                    Map.of(
                            "runinvm.logDirectory",
                            logs.toString(),
                            "runinvm.files",
                            data + ":" + THERE + "/in," + one + ":" + THERE + "/one"),
                    selectClass(Copies.class));
            assertEquals(
                    List.of("copies() SUCCESSFUL"),
                    recorder.ends(),
                    () -> recorder.failures().toString());
            Path back = logs.resolve(Copies.class.getName()).resolve("files");
            assertEquals("TEXT OF A DIRECTORY'S, TEXT OF A FILE'S", Files.readString(back.resolve("sub/out.txt")));
            assertEquals(3 << 20, Files.size(back.resolve("large")));
            assertEquals(0, Files.size(back.resolve("nothing")));
            assertFalse(Files.exists(back.resolve("link")), "a link of the guest's says nothing here");
            assertFalse(Files.exists(stale));
        } finally {
            try (Stream<Path> all = Files.walk(THERE)) {
                for (Path path : all.sorted(java.util.Comparator.reverseOrder()).toList()) {
                    Files.delete(path);
                }
            }
        }
    }

    @Test
    void aFileThatIsNotThereIsNamed() {
        Recorder recorder = host.launch(Map.of("runinvm.files", "no/such/file:/data"), selectClass(Copies.class));
        String message = recorder.failures().get(0).getMessage();
        assertTrue(message.contains("there is no ") && message.contains("no/such/file"), message);
        assertEquals(List.of(), guests.started());
    }

    @Test
    void moreThanTheLimitIsRefused(@TempDir Path logs) {
        Recorder recorder = host.launch(
                Map.of("runinvm.logDirectory", logs.toString(), "runinvm.filesLimit", "1M"),
                selectMethod(Large.class, "large"));
        assertTrue(
                recorder.failures().stream()
                        .anyMatch(
                                t -> t.getMessage().contains("more than 1048576 bytes of files (runinvm.filesLimit)")),
                () -> recorder.failures().toString());
    }

    @RunInVM
    static class Large {
        @Test
        void large() throws IOException {
            Files.write(GuestFiles.directory().resolve("large"), new byte[2 << 20]);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "../x",
                "files/../../x",
                "/etc/x",
                "files//x",
                "files/.",
                "elsewhere/x",
                "files",
                "files/a\0b",
                ""
            })
    void noNameLeadsElsewhere(String name, @TempDir Path directory) {
        try (ReceivedFiles files = new ReceivedFiles(directory, 100, "limit")) {
            assertThrows(GuestFailure.class, () -> files.take(new GuestMessage.FilePart(name, new byte[1], true)));
        }
    }

    @RunInVM
    static class Attaches {
        @Test
        void attaches(TestReporter reporter) {
            reporter.publishFile("note.txt", MediaType.TEXT_PLAIN_UTF_8, f -> Files.writeString(f, "from the guest"));
            reporter.publishDirectory("many", d -> {
                Files.createDirectories(d.resolve("sub"));
                Files.writeString(d.resolve("sub/a"), "a");
                Files.writeString(d.resolve("b"), "b");
            });
        }
    }

    @Test
    void whatATestPublishesIsPublishedHere() throws IOException {
        Recorder recorder = host.launch(Map.of(), selectClass(Attaches.class));
        assertEquals(
                List.of("attaches(TestReporter) SUCCESSFUL"),
                recorder.ends(),
                () -> recorder.failures().toString());
        assertEquals(
                List.of("note.txt text/plain; charset=UTF-8", "many"),
                recorder.files().stream()
                        .map(f -> f.getPath().getFileName()
                                + f.getMediaType().map(t -> " " + t).orElse(""))
                        .toList());
        assertEquals("from the guest", Files.readString(recorder.files().get(0).getPath(), StandardCharsets.UTF_8));
        Path many = recorder.files().get(1).getPath();
        assertEquals("ab", Files.readString(many.resolve("sub/a")) + Files.readString(many.resolve("b")));
    }

    @RunInVM(memory = "256M")
    static class Asks {
        @Test
        void asks(Guest guest) {
            System.out.println(guest.technique() + " " + (guest.memoryBytes() >> 20) + " "
                    + guest.kernelRelease().equals(System.getProperty("os.version")));
            System.out.println(guest.counters().get("channel.flushes") > 0);
            System.out.println(guest.console().get(0));
        }
    }

    @Test
    void aTestMayAskItsGuest() {
        Recorder recorder = host.launch(Map.of(), selectClass(Asks.class));
        assertEquals(
                List.of("asks(Guest) SUCCESSFUL"),
                recorder.ends(),
                () -> recorder.failures().toString());
        assertEquals("FULL 256 true\ntrue\nfake guest: agent starts\n", host.out());
    }
}
