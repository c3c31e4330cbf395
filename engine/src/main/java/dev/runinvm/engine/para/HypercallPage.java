package dev.runinvm.engine.para;

import dev.runinvm.engine.machine.GuestMemory;

/** The page through which older kernels enter the hypervisor: 32 bytes of code for each hypercall. */
final class HypercallPage {
    private static final int SLOT = 32;
    private static final int SLOTS = 128;

    private HypercallPage() {}

    /** Fills the page at a physical address. */
    static void write(GuestMemory memory, long physical) {
        for (int number = 0; number < SLOTS; number++) {
            byte[] code = number == Hypercalls.IRET ? iret() : call(number);
            memory.write(physical + (long) number * SLOT, code, 0, code.length);
        }
    }

    /** push rcx; push r11; mov eax, number; syscall; pop r11; pop rcx; ret. */
    private static byte[] call(int number) {
        return bytes(0x51, 0x41, 0x53, 0xb8, number, 0, 0, 0, 0x0f, 0x05, 0x41, 0x5b, 0x59, 0xc3);
    }

    /** push rcx; push r11; push rax; mov eax, 23; syscall: it does not come back. */
    private static byte[] iret() {
        return bytes(0x51, 0x41, 0x53, 0x50, 0xb8, Hypercalls.IRET, 0, 0, 0, 0x0f, 0x05);
    }

    private static byte[] bytes(int... values) {
        byte[] code = new byte[values.length];
        for (int i = 0; i < values.length; i++) {
            code[i] = (byte) values[i];
        }
        return code;
    }
}
