package dev.runinvm.agent;

import dev.runinvm.wire.Frame;
import dev.runinvm.wire.FrameReader;
import dev.runinvm.wire.FrameWriter;
import dev.runinvm.wire.GuestMessage;
import dev.runinvm.wire.HostMessage;
import dev.runinvm.wire.HostMessage.EntryKind;
import dev.runinvm.wire.ProtocolException;
import dev.runinvm.wire.Window;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The agent over a window in this JVM's memory; the host is this test, which answers inside the doorbell. */
@Timeout(30)
class AgentTest {
    @TempDir
    Path directory;

    /** Sends one command at each wait; collects what the agent says. */
    private static final class Host implements Doorbell {
        private final ByteBuffer memory =
                ByteBuffer.allocateDirect(Window.SIZE + 8).alignedSlice(8);
        private final Window window = Window.create(memory);
        private final FrameReader reader = new FrameReader(window.reader());
        private final FrameWriter writer = new FrameWriter(window.writer());
        private final Queue<HostMessage> commands = new ArrayDeque<>();
        private final List<GuestMessage> heard = new ArrayList<>();
        private boolean goodbye;

        @Override
        public void flush() {
            byte[] message;
            while ((message = reader.poll()) != null) {
                heard.add(GuestMessage.decode(message));
            }
            writer.pump();
        }

        @Override
        public void await(int millis) {
            flush();
            HostMessage next = commands.poll();
            writer.add(HostMessage.encode(next == null ? new HostMessage.Bye() : next));
        }

        @Override
        public void goodbye() {
            flush();
            goodbye = true;
        }
    }

    private Host host = new Host();

    private void serve(HostMessage... commands) throws IOException {
        host.commands.addAll(List.of(commands));
        new Agent(host.memory, host, directory.resolve("cp"), directory.resolve("disk")).serve();
    }

    private static String hash(byte[] content) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content));
        } catch (java.security.NoSuchAlgorithmException e) {
            throw new AssertionError(e);
        }
    }

    private static HostMessage.Put put(byte[] content, EntryKind kind, String name) {
        return new HostMessage.Put(hash(content), kind, name, content.length);
    }

    @Test
    void itGreetsAndEndsWhenTold() throws IOException {
        serve();
        GuestMessage.Hello hello = assertInstanceOf(GuestMessage.Hello.class, host.heard.get(0));
        assertEquals(Frame.VERSION, hello.protocol());
        assertEquals(Runtime.version().toString(), hello.java());
        assertEquals(Files.readString(Path.of("/proc/sys/kernel/osrelease")).strip(), hello.kernel());
        assertTrue(host.goodbye);
    }

    @Test
    void aJarIsKeptAsItIs() throws IOException {
        byte[] jar = new byte[600_000];
        Arrays.fill(jar, (byte) 5);
        serve(
                put(jar, EntryKind.JAR, "some.jar"),
                new HostMessage.Data(Arrays.copyOf(jar, 200_000)),
                new HostMessage.Data(Arrays.copyOf(jar, 250_000)),
                new HostMessage.Data(Arrays.copyOf(jar, 150_000)));
        assertEquals(new GuestMessage.Stored(hash(jar)), host.heard.get(1));
        Path file = directory.resolve("cp").resolve(hash(jar).substring(0, 16)).resolve("some.jar");
        assertArrayEquals(jar, Files.readAllBytes(file));
    }

    private GuestMessage.RunEnded endOfRun() {
        return assertInstanceOf(GuestMessage.RunEnded.class, host.heard.get(host.heard.size() - 1));
    }

    private static HostMessage.Run run(String... hashes) {
        return new HostMessage.Run(List.of(hashes), "a.B", List.of(), Map.of(), Map.of());
    }

    @Test
    void aJarOnTheDiskNeedNotCome() throws IOException {
        byte[] jar = {7};
        Path home = Files.createDirectories(directory.resolve("disk").resolve(hash(jar)));
        Files.write(home.resolve("large.jar"), jar);
        String before = System.getProperty("java.class.path");
        try {
            serve(run(hash(jar)));
            assertEquals(home.resolve("large.jar").toString(), System.getProperty("java.class.path"));
        } finally {
            System.setProperty("java.class.path", before);
        }
    }

    @Test
    void aFileIsWrittenWhereItBelongsAndNowhereElse() throws IOException {
        byte[] content = {1, 2, 3};
        byte[] zip = zip("a/b.txt", "text");
        Path target = directory.resolve("sub/file");
        Path tree = Files.createDirectories(directory.resolve("tree"));
        Files.createDirectories(tree.resolve("a"));
        Files.createSymbolicLink(tree.resolve("a/b.txt"), directory.resolve("elsewhere"));
        serve(
                new HostMessage.Place(target.toString(), List.of("")),
                put(content, EntryKind.JAR, "file"),
                new HostMessage.Data(content),
                new HostMessage.Place(tree.toString(), List.of()),
                put(zip, EntryKind.DIRECTORY, "tree.zip"),
                new HostMessage.Data(zip));
        assertArrayEquals(content, Files.readAllBytes(target));
        assertTrue(Files.isExecutable(target));
        assertEquals("text", Files.readString(tree.resolve("a/b.txt")));
        assertFalse(Files.exists(directory.resolve("elsewhere")), "a link in the way is replaced, not followed");
        assertFalse(Files.exists(directory.resolve("cp")), "a second copy takes memory");
        assertEquals(
                2,
                host.heard.stream()
                        .filter(m -> m instanceof GuestMessage.Stored)
                        .count());
    }

    @Test
    void whatCannotBeKeptIsToldWhenTestsAreToRun() throws IOException {
        byte[] content = new byte[3 * HostMessage.MAX_DATA];
        byte[] part = new byte[HostMessage.MAX_DATA];
        Path inTheWay = Files.createFile(directory.resolve("in-the-way"));
        serve(
                new HostMessage.Place(inTheWay + "/file", List.of()),
                put(content, EntryKind.JAR, "file"),
                new HostMessage.Data(part),
                new HostMessage.Data(part),
                new HostMessage.Data(part),
                run());
        String problem = String.valueOf(endOfRun().problem());
        assertTrue(problem.startsWith("cannot place file of the host's at " + inTheWay + "/file: "), problem);
    }

    @Test
    void roomIsAskedForBeforeAFileIsTaken() throws IOException {
        Room.require("small", 1000);
        IOException none = assertThrows(IOException.class, () -> Room.require("big.jar", 1L << 50));
        assertTrue(
                none.getMessage()
                        .matches("the guest has no room for big.jar of 1073741824 MiB: \\d+ MiB of its \\d+ MiB"
                                + " are free; give it more memory \\(runinvm.memory, vm.memory\\), or fewer files"),
                none.getMessage());
        IOException full = Room.explain("a.jar", 5 << 20, new IOException("No space left on device"));
        assertTrue(full.getMessage().startsWith("the guest has no room for a.jar of 5 MiB: files may take half"));
        IOException other = new IOException("Permission denied");
        assertEquals(other, Room.explain("a.jar", 5, other));
    }

    private static byte[] zip(String name, String content) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
            zip.putNextEntry(new ZipEntry(name));
            zip.write(content.getBytes(java.nio.charset.StandardCharsets.UTF_8));
        }
        return bytes.toByteArray();
    }

    @Test
    void aDirectoryIsOneAgain() throws IOException {
        byte[] zip = zip("a/b.txt", "text");
        serve(put(zip, EntryKind.DIRECTORY, "classes.zip"), new HostMessage.Data(zip));
        Path home = directory.resolve("cp").resolve(hash(zip).substring(0, 16));
        assertEquals("text", Files.readString(home.resolve("classes/a/b.txt")));
    }

    @Test
    void nothingIsWrittenOutside() throws IOException {
        byte[] zip = zip("../../../evil.txt", "text");
        assertThrows(
                ProtocolException.class,
                () -> serve(put(zip, EntryKind.DIRECTORY, "classes.zip"), new HostMessage.Data(zip)));
        assertFalse(Files.exists(directory.resolve("evil.txt")));
        byte[] jar = {1};
        host = new Host();
        serve(put(jar, EntryKind.JAR, "../../../evil.jar"), new HostMessage.Data(jar));
        assertFalse(Files.exists(directory.resolve("evil.jar")));
    }

    @Test
    void bytesThatAreNotTheAnnouncedOnesAreRefused() {
        ProtocolException e = assertThrows(
                ProtocolException.class,
                () -> serve(put(new byte[] {1}, EntryKind.JAR, "a.jar"), new HostMessage.Data(new byte[] {2})));
        assertTrue(e.getMessage().contains("a.jar arrived with hash"), e.getMessage());
    }

    @Test
    void moreBytesThanAnnouncedAreRefused() {
        assertThrows(
                ProtocolException.class,
                () -> serve(put(new byte[] {1}, EntryKind.JAR, "a.jar"), new HostMessage.Data(new byte[] {1, 2})));
    }

    @Test
    void aRunWithoutJunitSaysWhatIsMissing() throws IOException {
        serve(new HostMessage.Run(List.of(), "a.B", List.of(), Map.of(), Map.of()));
        GuestMessage.RunEnded ended = assertInstanceOf(GuestMessage.RunEnded.class, host.heard.get(1));
        assertEquals("JUnit could not run the tests in the guest", ended.problem());
        assertTrue(String.valueOf(ended.thrown()).contains("org/junit/platform"), () -> ended.toString());
    }

    @Test
    void theTestsLoaderHasNothingOfTheAgents() throws Exception {
        try (TestLoader loader = new TestLoader(Agent.class.getClassLoader())) {
            loader.add(List.of(directory));
            assertThrows(ClassNotFoundException.class, () -> loader.loadClass("dev.runinvm.wire.Window"));
            assertThrows(ClassNotFoundException.class, () -> loader.loadClass("dev.runinvm.agent.Agent"));
            assertThrows(ClassNotFoundException.class, () -> loader.loadClass("org.junit.jupiter.api.Test"));
            assertEquals(javax.tools.ToolProvider.class, loader.loadClass("javax.tools.ToolProvider"));
            String ofAppLoader = "com.sun.source.tree.Tree";
            assertEquals(Class.forName(ofAppLoader), loader.loadClass(ofAppLoader));
            Class<?> shared = loader.loadClass("dev.runinvm.agent.spi.TestRunner");
            assertEquals(dev.runinvm.agent.spi.TestRunner.class, shared);
            assertThrows(
                    NoClassDefFoundError.class,
                    () -> Class.forName("dev.runinvm.agent.bridge.DiscoveryProblems", true, loader));
        }
    }
}
