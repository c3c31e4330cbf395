package dev.runinvm.engine.x86;

import dev.runinvm.engine.EngineBug;

/** Privileged and system instructions; operands come decoded, RIP is the caller's. */
final class SystemInstructions {
    private SystemInstructions() {}

    static long readCr(Cpu cpu, int n) {
        throw new EngineBug("not there yet");
    }

    static void writeCr(Cpu cpu, int n, long value) {
        throw new EngineBug("not there yet");
    }

    static long readDr(Cpu cpu, int n) {
        throw new EngineBug("not there yet");
    }

    static void writeDr(Cpu cpu, int n, long value) {
        throw new EngineBug("not there yet");
    }

    static void lgdt(Cpu cpu, long linear) {
        throw new EngineBug("not there yet");
    }

    static void lidt(Cpu cpu, long linear) {
        throw new EngineBug("not there yet");
    }

    static void sgdt(Cpu cpu, long linear) {
        throw new EngineBug("not there yet");
    }

    static void sidt(Cpu cpu, long linear) {
        throw new EngineBug("not there yet");
    }

    static void lldt(Cpu cpu, int selector) {
        throw new EngineBug("not there yet");
    }

    static void ltr(Cpu cpu, int selector) {
        throw new EngineBug("not there yet");
    }

    static int sldt(Cpu cpu) {
        throw new EngineBug("not there yet");
    }

    static int str(Cpu cpu) {
        throw new EngineBug("not there yet");
    }

    static long smsw(Cpu cpu) {
        throw new EngineBug("not there yet");
    }

    static void lmsw(Cpu cpu, int value) {
        throw new EngineBug("not there yet");
    }

    static void clts(Cpu cpu) {
        throw new EngineBug("not there yet");
    }

    static long lar(Cpu cpu, int selector) {
        throw new EngineBug("not there yet");
    }

    static long lsl(Cpu cpu, int selector) {
        throw new EngineBug("not there yet");
    }

    static boolean verr(Cpu cpu, int selector) {
        throw new EngineBug("not there yet");
    }

    static boolean verw(Cpu cpu, int selector) {
        throw new EngineBug("not there yet");
    }

    static void rdmsr(Cpu cpu) {
        throw new EngineBug("not there yet");
    }

    static void wrmsr(Cpu cpu) {
        throw new EngineBug("not there yet");
    }

    static void rdtsc(Cpu cpu) {
        throw new EngineBug("not there yet");
    }

    static void rdtscp(Cpu cpu) {
        throw new EngineBug("not there yet");
    }

    static void rdpmc(Cpu cpu) {
        throw new EngineBug("not there yet");
    }

    static void cpuid(Cpu cpu) {
        throw new EngineBug("not there yet");
    }

    static void hlt(Cpu cpu) {
        throw new EngineBug("not there yet");
    }

    static void invlpg(Cpu cpu, long linear) {
        throw new EngineBug("not there yet");
    }

    static void invpcid(Cpu cpu, long type, long linearOfDescriptor) {
        throw new EngineBug("not there yet");
    }

    static void wbinvd(Cpu cpu) {
        throw new EngineBug("not there yet");
    }

    static void invd(Cpu cpu) {
        throw new EngineBug("not there yet");
    }

    static void cli(Cpu cpu) {
        throw new EngineBug("not there yet");
    }

    static void sti(Cpu cpu) {
        throw new EngineBug("not there yet");
    }

    static void popFlags(Cpu cpu, long value, int size) {
        throw new EngineBug("not there yet");
    }

    static long pushFlags(Cpu cpu) {
        throw new EngineBug("not there yet");
    }

    static void swapgs(Cpu cpu) {
        throw new EngineBug("not there yet");
    }

    static void stac(Cpu cpu) {
        throw new EngineBug("not there yet");
    }

    static void clac(Cpu cpu) {
        throw new EngineBug("not there yet");
    }

    static int in(Cpu cpu, int port, int size) {
        throw new EngineBug("not there yet");
    }

    static void out(Cpu cpu, int port, int size, int value) {
        throw new EngineBug("not there yet");
    }

    static void checkPort(Cpu cpu, int port, int size) {
        throw new EngineBug("not there yet");
    }

    static void xgetbv(Cpu cpu) {
        throw new EngineBug("not there yet");
    }

    static void xsetbv(Cpu cpu) {
        throw new EngineBug("not there yet");
    }

    static long readFsBase(Cpu cpu) {
        throw new EngineBug("not there yet");
    }

    static void writeFsBase(Cpu cpu, long value) {
        throw new EngineBug("not there yet");
    }

    static long readGsBase(Cpu cpu) {
        throw new EngineBug("not there yet");
    }

    static void writeGsBase(Cpu cpu, long value) {
        throw new EngineBug("not there yet");
    }

    static void monitor(Cpu cpu) {
        throw new EngineBug("not there yet");
    }

    static void mwait(Cpu cpu) {
        throw new EngineBug("not there yet");
    }

    static void vmcall(Cpu cpu) {
        throw new EngineBug("not there yet");
    }

    static void rdpid(Cpu cpu) {
        throw new EngineBug("not there yet");
    }

    static void rdpkru(Cpu cpu) {
        throw new EngineBug("not there yet");
    }

    static void rsm(Cpu cpu) {
        throw new EngineBug("not there yet");
    }

    static void ud(Cpu cpu) {
        throw new EngineBug("not there yet");
    }

    static void clflush(Cpu cpu, long linear) {
        throw new EngineBug("not there yet");
    }
}
