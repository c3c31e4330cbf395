package dev.runinvm.engine.x86;

import static dev.runinvm.engine.x86.CpuState.FS;
import static dev.runinvm.engine.x86.CpuState.GS;

/**
 * Model-specific registers: the architectural ones, and of the others those that operating systems touch on a CPU of
 * the vendor without asking CPUID first. Any other raises #GP(0), as on a CPU that lacks it.
 */
final class Msrs {
    private static final System.Logger LOG = System.getLogger(Msrs.class.getName());

    /** Numbers of the registers that only keep what is written, and their values at reset; both vendors. */
    private static final int[] PLAIN = {0x1d9};

    private static final int[] PLAIN_INTEL = {0x1a0};
    private static final int[] PLAIN_AMD = {
        0xc001_0010,
        0xc001_0015,
        0xc001_0055,
        0xc001_1020,
        0xc001_1021,
        0xc001_1022,
        0xc001_1023,
        0xc001_1028,
        0xc001_1029,
        0xc001_102a,
        0xc001_102c,
        0xc001_102d,
        0xc001_001f
    };

    private static final long EFER_CHANGEABLE = CpuState.EFER_SCE | CpuState.EFER_LME | CpuState.EFER_NXE;

    private Msrs() {}

    /** RDMSR. */
    static long read(Cpu cpu, int number) {
        CpuState s = cpu.s;
        return switch (number) {
            case 0x10 -> cpu.time.tsc() + s.tscOffset;
            case 0x3b -> cpu.cpuid.tscAdjust() ? s.tscOffset : refuse(cpu, number, "RDMSR");
            case 0x8b -> cpu.cpuid.microcodeRevision();
            case 0x174 -> s.sysenterCs;
            case 0x175 -> s.sysenterEsp;
            case 0x176 -> s.sysenterEip;
            case 0x277 -> s.pat;
            case 0xc000_0080 -> s.efer;
            case 0xc000_0081 -> s.star;
            case 0xc000_0082 -> s.lstar;
            case 0xc000_0083 -> s.cstar;
            case 0xc000_0084 -> s.sfmask;
            case 0xc000_0100 -> s.base[FS];
            case 0xc000_0101 -> s.base[GS];
            case 0xc000_0102 -> s.kernelGsBase;
            case 0x17 -> cpu.cpuid.intel() ? 0 : refuse(cpu, number, "RDMSR");
            default -> {
                int slot = plainSlot(cpu, number);
                yield slot < 0 ? refuse(cpu, number, "RDMSR") : s.plainMsrs[slot] ^ reset(number);
            }
        };
    }

    /** WRMSR. */
    static void write(Cpu cpu, int number, long value) {
        CpuState s = cpu.s;
        switch (number) {
            case 0x10 -> s.tscOffset = value - cpu.time.tsc();
            case 0x3b -> {
                if (!cpu.cpuid.tscAdjust()) {
                    refuse(cpu, number, "WRMSR");
                }
                s.tscOffset = value;
            }
            case 0x79 -> ignore(number, value); // microcode update: as if the revision were the newest
            case 0x8b -> ignore(number, value); // cleared before CPUID puts the revision in
            case 0x174 -> s.sysenterCs = value & 0xffff_ffffL;
            case 0x175 -> s.sysenterEsp = requireCanonical(value);
            case 0x176 -> s.sysenterEip = requireCanonical(value);
            case 0x277 -> s.pat = requirePat(value);
            case 0xc000_0080 -> writeEfer(cpu, value);
            case 0xc000_0081 -> s.star = value;
            case 0xc000_0082 -> s.lstar = requireCanonical(value);
            case 0xc000_0083 -> s.cstar = requireCanonical(value);
            case 0xc000_0084 -> s.sfmask = value & 0xffff_ffffL;
            case 0xc000_0100 -> s.base[FS] = requireCanonical(value);
            case 0xc000_0101 -> s.base[GS] = requireCanonical(value);
            case 0xc000_0102 -> s.kernelGsBase = requireCanonical(value);
            default -> {
                int slot = plainSlot(cpu, number);
                if (slot < 0) {
                    refuse(cpu, number, "WRMSR");
                }
                s.plainMsrs[slot] = value ^ reset(number);
            }
        }
    }

    private static void writeEfer(Cpu cpu, long value) {
        CpuState s = cpu.s;
        if ((value & ~(EFER_CHANGEABLE | CpuState.EFER_LMA)) != 0
                || ((value ^ s.efer) & CpuState.EFER_LME) != 0 && (s.cr0 & CpuState.CR0_PG) != 0) {
            throw CpuException.of(CpuException.GP, 0);
        }
        long old = s.efer;
        s.efer = value & EFER_CHANGEABLE | old & CpuState.EFER_LMA;
        if (((old ^ s.efer) & CpuState.EFER_NXE) != 0) {
            cpu.mmu.invalidate(AddressSpaceListener.Flush.ALL, 0, 0);
        }
    }

    static long requireCanonical(long address) {
        if (!Mmu.canonical(address)) {
            throw CpuException.of(CpuException.GP, 0);
        }
        return address;
    }

    private static long requirePat(long value) {
        for (int i = 0; i < 64; i += 8) {
            int type = (int) (value >>> i) & 0xff;
            if (type > 7 || type == 2 || type == 3) {
                throw CpuException.of(CpuException.GP, 0);
            }
        }
        return value;
    }

    /** Index in {@link CpuState#plainMsrs}, or -1. */
    private static int plainSlot(Cpu cpu, int number) {
        int slot = indexOf(PLAIN, number);
        if (slot >= 0) {
            return slot;
        }
        slot = indexOf(cpu.cpuid.intel() ? PLAIN_INTEL : PLAIN_AMD, number);
        return slot < 0 ? -1 : PLAIN.length + slot;
    }

    private static int indexOf(int[] numbers, int number) {
        for (int i = 0; i < numbers.length; i++) {
            if (numbers[i] == number) {
                return i;
            }
        }
        return -1;
    }

    /** Values at reset; what is kept is the difference to them, so that a new CpuState needs no set-up. */
    private static long reset(int number) {
        return switch (number) {
            case 0x1a0 -> 1 | 1 << 11 | 1 << 12; // IA32_MISC_ENABLE: fast strings; no BTS, no PEBS
            case 0xc001_0015 -> 1 | 1 << 24; // HWCR: SMM locked, the TSC counts at P0's frequency
            case 0xc001_1029 -> 1 << 1; // DE_CFG: LFENCE serializes
            default -> 0;
        };
    }

    private static void ignore(int number, long value) {
        LOG.log(
                System.Logger.Level.DEBUG,
                "WRMSR {0} value {1} has no effect",
                Integer.toHexString(number),
                Long.toHexString(value));
    }

    private static long refuse(Cpu cpu, int number, String instruction) {
        LOG.log(
                System.Logger.Level.DEBUG,
                "{0} {1} at {2}: no such register, #GP",
                instruction,
                Integer.toHexString(number),
                Long.toHexString(cpu.s.rip));
        throw CpuException.of(CpuException.GP, 0);
    }
}
