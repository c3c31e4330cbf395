package dev.runinvm.junit;

import dev.runinvm.wire.GuestMessage;
import java.io.PrintStream;

/** Where the guest's output comes out again: whatever the host's build tool has put behind System.out and System.err. */
final class Streams {
    private Streams() {}

    static void print(GuestMessage.Stream stream, String text) {
        PrintStream to = stream == GuestMessage.Stream.OUT ? System.out : System.err;
        to.print(text);
        to.flush();
    }
}
