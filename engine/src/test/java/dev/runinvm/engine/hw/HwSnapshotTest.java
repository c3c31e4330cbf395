package dev.runinvm.engine.hw;

import dev.runinvm.engine.GuestFailure;
import dev.runinvm.engine.SnapshotUnusable;
import dev.runinvm.engine.guest.Stop;
import dev.runinvm.engine.snapshot.SnapshotFile;
import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Guests of some hundred instructions are written down and go on; skipped, with the reason, where there is no KVM. */
@Timeout(240)
class HwSnapshotTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final int TSC = 0x10;

    @TempDir
    Path folder;

    @BeforeEach
    void kvm() {
        HandMadeGuest.assumeKvm();
    }

    private SnapshotFile written(HandMadeGuest guest, boolean idleOnly) throws Exception {
        Path file = folder.resolve("snapshot");
        assertTrue(guest.snapshot(file, idleOnly, PATIENCE), "it never stood still");
        SnapshotFile snapshot = SnapshotFile.open(file);
        snapshot.checkPages();
        return snapshot;
    }

    @Test
    void everyKindOfRegisterComesBackAndPagesAreEachGuestsOwn() throws Exception {
        SnapshotFile snapshot;
        List<String> page;
        try (HandMadeGuest guest = new HandMadeGuest(HandMadeGuest.code("hw/remembers.hex")).start()) {
            guest.awaitConsole("ready\n");
            assertEquals(List.of("all as it was"), guest.ask('c', 1), "before");
            snapshot = written(guest, true);
            assertEquals(List.of("all as it was"), guest.ask('c', 1), "being written down changed it");
            page = guest.ask('w', 1);
        }
        for (int i = 0; i < 3; i++) {
            try (HandMadeGuest guest = new HandMadeGuest(snapshot, 1, false).start()) {
                assertEquals(List.of("all as it was"), guest.ask('c', 1));
                assertEquals(page, guest.ask('w', 1), "the file has what it was, whatever others have written");
                assertTrue(!page.equals(guest.ask('w', 1)));
                assertEquals(List.of("all as it was"), guest.ask('c', 1));
                guest.hardware.board().devices().console.offer(new byte[] {'q'});
                assertEquals(Stop.Kind.RESET, guest.awaitStop().kind());
            }
        }
        snapshot.checkPages();
    }

    @Test
    void pagesWrittenSinceARestoreAreInTheNextSnapshot() throws Exception {
        SnapshotFile first;
        try (HandMadeGuest guest = new HandMadeGuest(HandMadeGuest.code("hw/remembers.hex")).start()) {
            guest.awaitConsole("ready\n");
            first = written(guest, true);
        }
        Path again = folder.resolve("again");
        List<String> page;
        try (HandMadeGuest guest = new HandMadeGuest(first, 1, false).start()) {
            guest.ask('w', 1);
            assertTrue(guest.snapshot(again, false, PATIENCE));
            page = guest.ask('w', 1);
            Long touched = guest.counter("memory.touchedBytes");
            assertTrue(touched != null && touched > 0, touched + " bytes");
        }
        SnapshotFile second = SnapshotFile.open(again);
        second.checkPages();
        try (HandMadeGuest guest = new HandMadeGuest(second, 1, false).start()) {
            assertEquals(page, guest.ask('w', 1));
            assertEquals(List.of("all as it was"), guest.ask('c', 1));
        }
    }

    /** The counter and timers neither stop nor leap, however long the file lay. */
    @Test
    void timeGoesOnWhereItWas() throws Exception {
        SnapshotFile snapshot;
        List<String> before;
        long spent;
        double hz;
        try (HandMadeGuest guest = new HandMadeGuest(HandMadeGuest.code("hw/remembers.hex")).start()) {
            guest.awaitConsole("ready\n");
            long start = System.nanoTime();
            before = guest.ask('t', 3);
            snapshot = written(guest, false);
            spent = System.nanoTime() - start;
            hz = guest.hardware.time().tscHz();
        }
        Thread.sleep(3000); // a clock that goes on in the file would have leapt by this
        long start = System.nanoTime();
        try (HandMadeGuest guest = new HandMadeGuest(snapshot, 1, false).start()) {
            List<String> after = guest.ask('t', 3);
            double most = (spent + System.nanoTime() - start) / 1e9;
            double seconds = (hex(after.get(0)) - hex(before.get(0))) / hz;
            assertTrue(seconds >= 0, "the counter went back by " + seconds + " s");
            assertTrue(seconds <= most + 0.01, "the counter has leapt: " + seconds + " s in at most " + most + " s");
            Thread.sleep(200); // many periods of the 8254
            List<String> later = guest.ask('t', 3);
            assertTrue(hex(later.get(1)) > hex(after.get(1)), "the 8254 has stopped: " + after + later);
            assertTrue(hex(later.get(2)) > hex(after.get(2)), "the local APIC's timer has stopped: " + after + later);
        }
    }

    private static long hex(String digits) {
        return Long.parseUnsignedLong(digits, 16);
    }

    @Test
    void severalProcessorsGoOnInTheMiddleOfTheirWork() throws Exception {
        SnapshotFile snapshot;
        List<String> before;
        try (HandMadeGuest guest = new HandMadeGuest(HandMadeGuest.code("hw/spinners.hex"), 3, false)) {
            guest.memory.putInt(0x3008, 2);
            guest.start();
            guest.awaitConsole("up\n");
            before = guest.ask('?', 2);
            snapshot = written(guest, false);
            goesOn(guest, 0, before.get(0));
        }
        try (HandMadeGuest guest = new HandMadeGuest(snapshot, 3, false).start()) {
            List<String> after = guest.ask('?', 2);
            for (int i = 0; i < 2; i++) {
                assertTrue(hex(after.get(i)) >= hex(before.get(i)), before + " then " + after);
                goesOn(guest, i, after.get(i));
            }
        }
        SnapshotUnusable e = assertThrows(SnapshotUnusable.class, () -> new HandMadeGuest(snapshot, 1, false));
        assertTrue(String.valueOf(e.getMessage()).contains("3 processors"), e.getMessage());
    }

    /** Processors may share one of the host's: each has its turn some time. */
    private static void goesOn(HandMadeGuest guest, int processor, String count) throws Exception {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (guest.ask('?', 2).get(processor).equals(count)) {
            assertTrue(System.nanoTime() < deadline, "processor " + (processor + 1) + " stands still at " + count);
            Thread.sleep(10);
        }
    }

    @Test
    void aGuestThatIsNeverIdleIsNotWrittenWhileIdle() throws Exception {
        try (HandMadeGuest guest = new HandMadeGuest(HandMadeGuest.hex("ebfe")).start()) {
            assertFalse(guest.snapshot(folder.resolve("never"), true, Duration.ofMillis(300)));
            assertTrue(guest.snapshot(folder.resolve("anyway"), false, PATIENCE));
            guest.hardware.stop();
            guest.awaitStop();
            assertThrows(GuestFailure.class, () -> guest.snapshot(folder.resolve("late"), false, PATIENCE));
        }
    }

    /** Written down, restored and written down again, every field is what it was, but for what moves with time. */
    @Test
    void everyFieldOfTheStateComesBack() throws Exception {
        SnapshotFile snapshot;
        try (HandMadeGuest guest = new HandMadeGuest(HandMadeGuest.code("hw/remembers.hex")).start()) {
            guest.awaitConsole("ready\n");
            snapshot = written(guest, true);
        }
        Path again = folder.resolve("again");
        try (HandMadeGuest guest = new HandMadeGuest(snapshot, 1, false)) {
            guest.write(again);
        }
        List<String> before = fields(snapshot.state());
        List<String> after = fields(SnapshotFile.open(again).state());
        assertTrue(before.size() > 100, before.size() + " fields");
        assertEquals(String.join("\n", before), String.join("\n", after));
    }

    /** Names and values of what a StateWriter has written, without what changes while nobody looks. */
    private static List<String> fields(byte[] state) throws IOException {
        List<String> all = new ArrayList<>();
        DataInputStream in = new DataInputStream(new ByteArrayInputStream(state));
        int msr = 0;
        int chip = 0;
        while (in.available() > 0) {
            char type = (char) in.readUnsignedByte();
            String name = in.readUTF();
            switch (type) {
                case 'S', 'I' -> {
                    int value = in.readInt();
                    msr = name.equals("msr") ? value : msr;
                    all.add(name + " " + Integer.toHexString(value));
                }
                case 'J' -> {
                    long value = in.readLong();
                    boolean moves = name.toLowerCase(java.util.Locale.ROOT).endsWith("nanos")
                            || name.equals("value") && msr == TSC
                            || name.startsWith("seen"); // the clock's: what it has worked out already
                    all.add(name + " " + (moves ? "" : Long.toHexString(value)));
                }
                default -> {
                    byte[] bytes = in.readNBytes(in.readInt());
                    still(name, name.equals("interruptController") ? chip++ : 0, bytes);
                    all.add(name + " " + HexFormat.of().formatHex(bytes));
                }
            }
        }
        return all;
    }

    /** KVM's timers go on while the machine stands: an 8254's times of loading, what it asks for, the APIC's count. */
    private static void still(String name, int number, byte[] bytes) {
        switch (name) {
            case "timer" -> {
                for (int channel = 0; channel < 3; channel++) {
                    Arrays.fill(bytes, channel * 24 + 16, channel * 24 + 24, (byte) 0);
                }
            }
            case "interruptController" -> Arrays.fill(bytes, number < 2 ? 0 : 16, number < 2 ? 2 : 20, (byte) 0);
            case "LOCAL_APIC" ->
                ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(0x390, 0);
            default -> {}
        }
    }
}
