package dev.runinvm.junit;

import dev.runinvm.engine.Technique;
import java.util.List;
import java.util.Map;

/**
 * The guest that a test runs in. A test, lifecycle method or constructor of a class that runs in a guest may take one as its
 * parameter. It answers in the guest only: on the host, where nothing of the test runs, there is but a stand-in.
 */
public interface Guest {
    /** The technique that runs it. */
    Technique technique();

    /** Release of its kernel, as {@code uname -r} says it. */
    String kernelRelease();

    /** Its memory in bytes, as it was asked for; what the kernel can use of it is less. */
    long memoryBytes();

    /**
     * What the engine has counted since the guest's start: exits by kind, emulated instructions, interrupts, doorbells of the
     * channel. Names are the engine's, and differ between techniques. Asks the host, which costs some milliseconds.
     *
     * @throws IllegalStateException if the host does not answer
     */
    Map<String, Long> counters();

    /**
     * The last lines of the guest's console, a thousand at most, oldest first, without control characters. Asks the host.
     *
     * @throws IllegalStateException if the host does not answer
     */
    List<String> console();
}
