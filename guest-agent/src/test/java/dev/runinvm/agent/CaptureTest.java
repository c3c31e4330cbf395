package dev.runinvm.agent;

import dev.runinvm.wire.GuestMessage.Output;
import dev.runinvm.wire.GuestMessage.Stream;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

class CaptureTest {
    private final Attribution attribution = new Attribution();
    private final List<Output> sent = new ArrayList<>();
    private final Capture capture = new Capture(Stream.OUT, attribution, m -> sent.add((Output) m));
    private final PrintStream out = capture.printStream();

    @Test
    void linesAreSentAsTheyAreMadeAndTheRestWhenDrained() {
        out.print("half ");
        assertEquals(List.of(), sent);
        out.println("line");
        out.print("rest");
        assertEquals(List.of(new Output(null, Stream.OUT, "half line\n")), sent);
        capture.drain();
        capture.drain();
        assertEquals(new Output(null, Stream.OUT, "rest"), sent.get(1));
        assertEquals(2, sent.size());
    }

    @Test
    void charactersAreNotCutByTheBuffersEnd() {
        String text = "\u20ac\ud83d\ude00".repeat(5000);
        out.print("x" + text);
        capture.drain();
        StringBuilder all = new StringBuilder();
        sent.forEach(o -> all.append(o.text()));
        assertEquals("x" + text, all.toString());
    }

    @Test
    void whatIsNoUtf8IsReplacedNotLost() {
        out.write(0xff);
        out.write('\n');
        assertEquals("\ufffd\n", sent.get(0).text());
    }

    @Test
    void halfALineStaysWithTheTestThatPrintedIt() {
        attribution.started("one");
        out.print("of one");
        attribution.finished("one");
        attribution.started("two");
        out.println(" of two");
        assertEquals(
                List.of(new Output("one", Stream.OUT, "of one"), new Output("two", Stream.OUT, " of two\n")), sent);
    }

    @Test
    void aThreadsOutputBelongsToTheNodeThatStartedIt() throws InterruptedException {
        attribution.node("one", "class");
        attribution.started("class");
        attribution.started("one");
        List<String> seen = new ArrayList<>();
        Thread child = new Thread(() -> seen.add(attribution.current()));
        attribution.started("other");
        child.start();
        child.join();
        assertEquals(List.of("one"), seen);
        attribution.finished("other");
        assertEquals("one", attribution.current());
        attribution.finished("one");
        assertEquals("class", attribution.current());
        attribution.finished("class");
        assertNull(attribution.current());
    }

    @Test
    void aStrayThreadsOutputBelongsToWhatRuns() throws InterruptedException {
        List<String> seen = new ArrayList<>();
        Object turn = new Object();
        boolean[] go = {false};
        Thread stray = new Thread(() -> {
            synchronized (turn) {
                while (!go[0]) {
                    try {
                        turn.wait();
                    } catch (InterruptedException e) {
                        return;
                    }
                }
            }
            seen.add(attribution.current());
        });
        stray.start();
        attribution.started("test");
        synchronized (turn) {
            go[0] = true;
            turn.notifyAll();
        }
        stray.join();
        assertEquals(List.of("test"), seen);
    }
}
