package dev.runinvm.wire;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class MessagesTest {
    private static final Thrown CAUSE = new Thrown(
            "a.B",
            List.of("java.lang.Exception", "java.lang.Throwable"),
            null,
            "a.B",
            List.of(new StackTraceElement("app", "m", "1", "a.B", "c", null, -2)),
            null,
            List.of(),
            List.of(),
            null,
            null);
    private static final Thrown THROWN = new Thrown(
            "org.opentest4j.AssertionFailedError",
            List.of("java.lang.AssertionError"),
            "expected: <1> but was: <2> \u00e4\u20ac\ud83d\ude00",
            "text",
            List.of(new StackTraceElement(null, null, null, "X", "y", "X.java", 12)),
            CAUSE,
            List.of(CAUSE),
            List.of(CAUSE, CAUSE),
            "1",
            "2");

    static List<GuestMessage> guestMessages() {
        GuestMessage.Node node =
                new GuestMessage.Node("[engine:e]/[class:C]", "[engine:e]", "C", false, true, "C", null, "C");
        return List.of(
                new GuestMessage.Hello(1, "0.1", "17.0.15+6", "6.1.0-50-cloud-amd64"),
                new GuestMessage.Stored("0".repeat(64)),
                new GuestMessage.Discovered(
                        "1.14.4",
                        List.of(new GuestMessage.Node("[engine:e]", null, "E", false, true, null, null, "E"), node),
                        List.of("[engine:e]/[class:D]")),
                new GuestMessage.Planned(List.of(node, node)),
                new GuestMessage.Registered(node),
                new GuestMessage.Started("a"),
                new GuestMessage.Finished("a", GuestMessage.Outcome.SUCCESSFUL, null, 5_000_000_000L),
                new GuestMessage.Finished("a", GuestMessage.Outcome.FAILED, THROWN, -1),
                new GuestMessage.Skipped("a", "because"),
                new GuestMessage.Reported("a", Map.of("k", "v", "l", "")),
                new GuestMessage.Output("a", GuestMessage.Stream.ERR, "line\n\u0000\u20ac"),
                new GuestMessage.Output(null, GuestMessage.Stream.OUT, ""),
                new GuestMessage.RunEnded(null, null),
                new GuestMessage.RunEnded("problem", THROWN),
                new GuestMessage.ThreadDump("\"main\""),
                new GuestMessage.Dying("System.exit"),
                new GuestMessage.Attached("a", "attachments/1/x", "x", "text/plain"),
                new GuestMessage.Attached("a", "attachments/2", "d", null),
                new GuestMessage.Ask(7));
    }

    static List<HostMessage> hostMessages() {
        return List.of(
                new HostMessage.Put("ab".repeat(32), HostMessage.EntryKind.DIRECTORY, "classes.zip", 1L << 40),
                new HostMessage.Run(
                        List.of("0".repeat(64)), "a.B", List.of("x", "y"), Map.of("junit.a", "b"), Map.of("c", "d")),
                new HostMessage.Launch(
                        List.of("0".repeat(64)),
                        List.of("a.B", "a.C"),
                        List.of("[engine:e]/[class:a.D]"),
                        List.of("fast & !net"),
                        List.of("slow"),
                        true,
                        Map.of("junit.a", "b"),
                        Map.of("c", "d")),
                new HostMessage.Place("/x", List.of("", "bin/tool")),
                new HostMessage.Answer(7, Map.of("traps", 1L << 40), List.of("a line")),
                new HostMessage.DumpThreads(),
                new HostMessage.Bye());
    }

    @ParameterizedTest
    @MethodSource("guestMessages")
    void guestMessagesArriveAsTheyWere(GuestMessage message) {
        assertEquals(message, GuestMessage.decode(GuestMessage.encode(message)));
    }

    @ParameterizedTest
    @MethodSource("hostMessages")
    void hostMessagesArriveAsTheyWere(HostMessage message) {
        assertEquals(message, HostMessage.decode(HostMessage.encode(message)));
    }

    @Test
    void dataArrivesAsItWas() {
        byte[] data = new byte[HostMessage.MAX_DATA];
        new Random(3).nextBytes(data);
        HostMessage got = HostMessage.decode(HostMessage.encode(new HostMessage.Data(data)));
        assertArrayEquals(data, assertInstanceOf(HostMessage.Data.class, got).bytes());
    }

    @Test
    void partsOfFilesArriveAsTheyWere() {
        GuestMessage sent = new GuestMessage.FilePart("a/b", new byte[] {0, -1, 2}, true);
        GuestMessage.FilePart got =
                assertInstanceOf(GuestMessage.FilePart.class, GuestMessage.decode(GuestMessage.encode(sent)));
        assertArrayEquals(new byte[] {0, -1, 2}, got.bytes());
        assertEquals("a/b true", got.path() + " " + got.last());
    }

    @Test
    void halfACharacterDoesNotBreakAMessage() {
        GuestMessage sent = new GuestMessage.Output(null, GuestMessage.Stream.OUT, "a\ud83db");
        assertEquals(
                new GuestMessage.Output(null, GuestMessage.Stream.OUT, "a?b"),
                GuestMessage.decode(GuestMessage.encode(sent)));
    }

    private static void refused(byte[] bytes, String word) {
        ProtocolException e = assertThrows(ProtocolException.class, () -> GuestMessage.decode(bytes));
        assertTrue(e.getMessage().contains(word), e.getMessage());
    }

    @Test
    void whatIsNoMessageIsRefusedByName() {
        refused(new byte[0], "START_ARRAY");
        refused(new CborWriter().begin().number(99).end().finish(), "unknown type 99");
        refused(new CborWriter().begin().number(5).number(1).end().finish(), "VALUE_STRING");
        refused(new CborWriter().begin().number(5).text("a").text("b").end().finish(), "END_ARRAY");
        refused(new CborWriter().begin().number(6).text("a").number(7).end().finish(), "7 is not within 0..2");
        refused(new CborWriter().begin().number(5).text(null).end().finish(), "VALUE_STRING");
        byte[] two = GuestMessage.encode(new GuestMessage.Started("a"));
        byte[] trailing = Arrays.copyOf(two, two.length + 1);
        refused(trailing, "after its end");
    }

    @Test
    void aHashIsAHash() {
        HostMessage bad = new HostMessage.Put("../../etc/passwd", HostMessage.EntryKind.JAR, "x", 1);
        assertThrows(ProtocolException.class, () -> HostMessage.decode(HostMessage.encode(bad)));
        HostMessage negative = new HostMessage.Put("0".repeat(64), HostMessage.EntryKind.JAR, "x", -1);
        assertThrows(ProtocolException.class, () -> HostMessage.decode(HostMessage.encode(negative)));
    }

    @Test
    void endlessNestingIsRefused() {
        Thrown deep = CAUSE;
        for (int i = 0; i < 300; i++) {
            deep = new Thrown("a", List.of(), null, "a", List.of(), deep, List.of(), List.of(), null, null);
        }
        byte[] bytes = GuestMessage.encode(new GuestMessage.RunEnded(null, deep));
        refused(bytes, "nested deeper");
    }

    /** Whatever a guest writes, the answer is a message or a ProtocolException. */
    @Test
    void mutilatedMessagesNeverDoWorse() {
        Random random = new Random(42);
        List<byte[]> samples = new ArrayList<>();
        guestMessages().forEach(m -> samples.add(GuestMessage.encode(m)));
        int refused = 0;
        for (int i = 0; i < 50_000; i++) {
            byte[] bytes = samples.get(random.nextInt(samples.size())).clone();
            for (int n = random.nextInt(4); n >= 0; n--) {
                bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
            }
            if (random.nextInt(4) == 0) {
                bytes = Arrays.copyOf(bytes, random.nextInt(bytes.length));
            }
            try {
                GuestMessage.decode(bytes);
            } catch (ProtocolException e) {
                refused++;
            }
        }
        assertTrue(refused > 10_000, "only " + refused + " refused: the test mutilates too little");
    }
}
