package dev.runinvm.engine.para;

import dev.runinvm.engine.x86.Cpu;

/** Hypercalls of a few lines: console_io, vm_assist, physdev_op. */
final class OtherOps {
    private static final int CONSOLEIO_WRITE = 0;
    private static final int CONSOLE_MOST = 16384;
    private static final int ASSISTS = 6;
    private static final int PHYSDEV_SET_IOPL = 6;
    private static final int PHYSDEV_SET_IOBITMAP = 7;

    private OtherOps() {}

    /** Takes console output. */
    interface Output {
        void accept(byte[] bytes, int from, int count);
    }

    static void register(Hypercalls calls, Output console) {
        calls.register(Hypercalls.CONSOLE_IO, "console_io", (cpu, a) -> consoleIo(cpu, a, console));
        calls.register(Hypercalls.VM_ASSIST, "vm_assist", (cpu, a) -> {
            if (a[0] < 0 || a[0] > 1 || a[1] < 0 || a[1] >= ASSISTS) {
                throw XenError.invalid();
            }
            return 0; // page tables may always be written; the others are of 32-bit guests
        });
        calls.register(Hypercalls.PHYSDEV_OP, "physdev_op", (cpu, a) -> {
            switch ((int) a[0]) {
                case PHYSDEV_SET_IOPL, PHYSDEV_SET_IOBITMAP -> {
                    cpu.mmu.read32(a[1]); // there are no ports behind it
                    return 0;
                }
                default -> throw XenError.notImplemented();
            }
        });
    }

    /** console_io(command, count, buffer): the hypervisor's own console, which kernels use while theirs is not up. */
    private static long consoleIo(Cpu cpu, long[] a, Output console) {
        if ((int) a[0] != CONSOLEIO_WRITE) {
            return 0; // nothing to read
        }
        if (a[1] < 0 || a[1] > CONSOLE_MOST) {
            throw XenError.invalid();
        }
        byte[] bytes = new byte[(int) a[1]];
        cpu.mmu.read(a[2], bytes, 0, bytes.length);
        console.accept(bytes, 0, bytes.length);
        return 0;
    }
}
