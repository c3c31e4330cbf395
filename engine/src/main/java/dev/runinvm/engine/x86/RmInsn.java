package dev.runinvm.engine.x86;

/** An instruction whose ModRM operand is a register or memory, of 1, 2, 4 or 8 bytes: for forms not worth a class each. */
abstract class RmInsn extends MemInsn {
    private static final int MEMORY = -1;

    final int size;
    private final int code;

    RmInsn(Decoder d, int size) {
        super(d);
        this.size = size;
        this.code = d.isRegister() ? d.code(d.rm, size) : MEMORY;
    }

    final boolean inMemory() {
        return code == MEMORY;
    }

    /** The operand's address, to be passed to the other methods; meaningless for a register. */
    final long where(CpuState s) {
        return code == MEMORY ? linear(s) : 0;
    }

    /** Reads the operand, sign-extended. */
    final long get(Cpu cpu) {
        return code == MEMORY ? load(cpu.mmu, linear(cpu.s), size) : Registers.get(cpu.s, code, size);
    }

    /** Reads the operand in order to write it, sign-extended. */
    final long getForUpdate(Cpu cpu, long linear) {
        return code == MEMORY ? loadForUpdate(cpu.mmu, linear, size) : Registers.get(cpu.s, code, size);
    }

    /** Writes the operand's low bytes. */
    final void put(Cpu cpu, long linear, long value) {
        if (code == MEMORY) {
            store(cpu.mmu, linear, size, value);
        } else {
            Registers.set(cpu.s, code, size, value);
        }
    }

    /** Reads memory, sign-extended. */
    static long load(Mmu mmu, long linear, int size) {
        switch (size) {
            case 8:
                return mmu.read64(linear);
            case 4:
                return (int) mmu.read32(linear);
            case 2:
                return (short) mmu.read16(linear);
            default:
                return (byte) mmu.read8(linear);
        }
    }

    /** Reads memory that will be written, sign-extended. */
    static long loadForUpdate(Mmu mmu, long linear, int size) {
        switch (size) {
            case 8:
                return mmu.readRmw64(linear);
            case 4:
                return (int) mmu.readRmw32(linear);
            case 2:
                return (short) mmu.readRmw16(linear);
            default:
                return (byte) mmu.readRmw8(linear);
        }
    }

    /** Writes memory. */
    static void store(Mmu mmu, long linear, int size, long value) {
        switch (size) {
            case 8:
                mmu.write64(linear, value);
                break;
            case 4:
                mmu.write32(linear, value);
                break;
            case 2:
                mmu.write16(linear, value);
                break;
            default:
                mmu.write8(linear, value);
        }
    }
}
