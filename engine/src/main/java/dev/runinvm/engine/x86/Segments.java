package dev.runinvm.engine.x86;

import dev.runinvm.engine.EngineBug;

/** Segment registers and descriptors in 64-bit mode. */
final class Segments {
    private Segments() {}

    static void load(Cpu cpu, int segment, int selector) {
        throw new EngineBug("not there yet");
    }
}
