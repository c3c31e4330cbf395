package dev.runinvm.engine.x86;

import dev.runinvm.engine.EngineBug;

/** x87 and SSE state: control words, FXSAVE, XSAVE and their like. */
final class XStateInstructions {
    private XStateInstructions() {}

    static void fxsave(Cpu cpu, long linear, boolean rexW) {
        throw new EngineBug("not there yet");
    }

    static void fxrstor(Cpu cpu, long linear, boolean rexW) {
        throw new EngineBug("not there yet");
    }

    static void xsave(Cpu cpu, long linear, boolean rexW) {
        throw new EngineBug("not there yet");
    }

    static void xsaveopt(Cpu cpu, long linear, boolean rexW) {
        throw new EngineBug("not there yet");
    }

    static void xrstor(Cpu cpu, long linear, boolean rexW) {
        throw new EngineBug("not there yet");
    }

    static void fninit(Cpu cpu) {
        throw new EngineBug("not there yet");
    }

    static void fnclex(Cpu cpu) {
        throw new EngineBug("not there yet");
    }

    static void fwait(Cpu cpu) {
        throw new EngineBug("not there yet");
    }

    static int fnstcw(Cpu cpu) {
        throw new EngineBug("not there yet");
    }

    static int fnstsw(Cpu cpu) {
        throw new EngineBug("not there yet");
    }

    static void fldcw(Cpu cpu, int value) {
        throw new EngineBug("not there yet");
    }

    static int stmxcsr(Cpu cpu) {
        throw new EngineBug("not there yet");
    }

    static void ldmxcsr(Cpu cpu, int value) {
        throw new EngineBug("not there yet");
    }

    static void emms(Cpu cpu) {
        throw new EngineBug("not there yet");
    }
}
