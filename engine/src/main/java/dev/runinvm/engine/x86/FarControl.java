package dev.runinvm.engine.x86;

import dev.runinvm.engine.EngineBug;

/** Far transfers of control in 64-bit mode: they set RIP themselves, and only when nothing faults. */
public final class FarControl {
    private FarControl() {}

    public static void iret(Cpu cpu, int operandSize) {
        throw new EngineBug("not there yet");
    }

    public static void syscall(Cpu cpu, long nextRip) {
        throw new EngineBug("not there yet");
    }

    public static void sysret(Cpu cpu, int operandSize) {
        throw new EngineBug("not there yet");
    }

    public static void interrupt(Cpu cpu, int vector, long nextRip) {
        throw new EngineBug("not there yet");
    }

    static void int3(Cpu cpu, long nextRip) {
        throw new EngineBug("not there yet");
    }

    static void int1(Cpu cpu, long nextRip) {
        throw new EngineBug("not there yet");
    }

    static void into(Cpu cpu) {
        throw new EngineBug("not there yet");
    }

    static void farReturn(Cpu cpu, int operandSize, int popBytes) {
        throw new EngineBug("not there yet");
    }

    static void farJump(Cpu cpu, int selector, long offset) {
        throw new EngineBug("not there yet");
    }

    static void farCall(Cpu cpu, int selector, long offset, int operandSize, long nextRip) {
        throw new EngineBug("not there yet");
    }

    static void sysenter(Cpu cpu) {
        throw new EngineBug("not there yet");
    }

    static void sysexit(Cpu cpu, int operandSize) {
        throw new EngineBug("not there yet");
    }
}
