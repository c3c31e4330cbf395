package dev.runinvm.examples;

import dev.runinvm.junit.Isolation;
import dev.runinvm.junit.RunInVM;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Each test leaves its guest in a state of which the others must see nothing, in whatever order they run: with isolation
 * METHOD each has a fresh guest, restored from the same snapshot. A test that panics the kernel is in {@link
 * HostileGuestsTest}: it cannot pass.
 */
@RunInVM(isolation = Isolation.METHOD)
class FreshGuestTest {
    private static final Path FILE = Path.of("/etc/left-by-a-test");
    private static final Path IN_TMP = Path.of("/tmp/left-by-a-test");
    private static final Path SWAPPINESS = Path.of("/proc/sys/vm/swappiness");
    private static final Path HOST_NAME = Path.of("/proc/sys/kernel/hostname");
    private static final String MODULE = "loop";
    private static final String THREAD = "left-by-a-test";
    private static final String PROCESS = "sleep 86399";
    private static final String PROPERTY = "left.by.a.test";
    private static final LocalDate FUTURE = LocalDate.of(2100, 1, 1);
    private static final long ROOM = 64 << 20;
    private static final int PORT = 4242;
    private static int instances;

    @BeforeEach
    void nothingIsLeftOfAnyOther() throws Exception {
        assertEquals(1, ++instances, "tests that have run in this JVM");
        assertFalse(Files.exists(FILE) || Files.exists(IN_TMP), "files");
        assertEquals("60", setting(), "a setting of the kernel's");
        assertEquals("vm", Files.readString(HOST_NAME).strip(), "the machine's name");
        assertFalse(isLoaded(), "a module of the kernel's");
        assertFalse(threadRuns(), "a thread");
        assertFalse(processRuns(), "a process");
        assertFalse(isListening(), "an open port");
        assertEquals(null, System.getProperty(PROPERTY), "a system property");
        assertTrue(today().isBefore(FUTURE), "the clock");
        assertTrue(tmp().getUsableSpace() > ROOM, "room in /tmp");
    }

    /** Not by Files.readString: of a number the kernel hands over but what is read at once. */
    private static String setting() throws Exception {
        return Shell.run("cat " + SWAPPINESS).output();
    }

    private static boolean isLoaded() throws IOException {
        return Files.readAllLines(Path.of("/proc/modules")).stream().anyMatch(l -> l.startsWith(MODULE + " "));
    }

    private static boolean threadRuns() {
        return Thread.getAllStackTraces().keySet().stream()
                .anyMatch(t -> t.getName().equals(THREAD));
    }

    private static boolean processRuns() throws Exception {
        return Shell.run("ps -o args").output().lines().anyMatch(PROCESS::equals);
    }

    private static boolean isListening() throws IOException {
        try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), PORT), 2000);
            return true;
        } catch (SocketTimeoutException e) {
            throw e;
        } catch (IOException refused) {
            return false;
        }
    }

    private static LocalDate today() {
        return LocalDate.now(ZoneOffset.UTC);
    }

    private static FileStore tmp() throws IOException {
        return Files.getFileStore(Path.of("/tmp"));
    }

    @Test
    void leavesFiles() throws IOException {
        Files.writeString(FILE, "left");
        Files.writeString(IN_TMP, "left");
        assertTrue(Files.exists(FILE) && Files.exists(IN_TMP));
    }

    @Test
    void leavesSettings() throws Exception {
        Files.writeString(SWAPPINESS, "17");
        Files.writeString(HOST_NAME, "left");
        System.setProperty(PROPERTY, "left");
        assertEquals("17", setting());
        assertEquals("left", Files.readString(HOST_NAME).strip());
    }

    @Test
    void leavesAModule() throws Exception {
        assertEquals(new Shell.Result(0, ""), Shell.run("modprobe " + MODULE));
        assertTrue(isLoaded());
    }

    @Test
    void leavesAThreadAndAProcess() throws Exception {
        CountDownLatch never = new CountDownLatch(1);
        Thread thread = new Thread(
                () -> {
                    try {
                        never.await();
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                },
                THREAD);
        thread.setDaemon(true);
        thread.start();
        assertEquals(
                0,
                Shell.run("setsid " + PROCESS + " >/dev/null 2>&1 </dev/null &").status());
        // the shell has ended; what it has started may not yet be what it is to become
        for (int i = 0; i < 200 && !processRuns(); i++) {
            Thread.sleep(20);
        }
        assertTrue(threadRuns() && processRuns());
    }

    @Test
    @SuppressWarnings("resource") // that it stays open is the point
    void leavesAnOpenPort() throws IOException {
        new ServerSocket(PORT, 1, InetAddress.getLoopbackAddress());
        assertTrue(isListening());
    }

    @Test
    void leavesTheClockWrong() throws Exception {
        assertEquals(0, Shell.run("date -u -s '2101-02-03 04:05:06'").status());
        assertTrue(today().isAfter(FUTURE));
    }

    @Test
    void leavesTmpFull() throws Exception {
        long used = tmp().getTotalSpace() - tmp().getUsableSpace() >> 20;
        assertEquals(new Shell.Result(0, ""), Shell.run("mount -o remount,size=" + (used + 4) + "m /tmp"));
        assertThrows(IOException.class, () -> Files.write(Path.of("/tmp/ballast"), new byte[8 << 20]));
        assertTrue(tmp().getUsableSpace() < 1 << 20, () -> "room is left in /tmp");
    }
}
