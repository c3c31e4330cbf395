package dev.runinvm.engine.x86;

import org.jspecify.annotations.Nullable;

/**
 * Chooses the form for what a {@link Decoder} has taken apart: the opcode maps (SDM vol. 2, appendix A), one method each.
 */
final class InsnFactory {
    private InsnFactory() {}

    /** Makes the instruction; one that is undefined, or not part of this processor, raises #UD when executed. */
    static Insn create(Decoder d) {
        Insn insn = d.invalid ? null : d.vex != 0 ? vex(d) : d.lock && !lockable(d) ? null : legacy(d);
        if (insn == null) {
            insn = new SystemForms.Fault(CpuException.UD);
        }
        insn.length = (byte) d.length;
        return insn;
    }

    private static boolean lockable(Decoder d) {
        if (!d.hasModrm || d.isRegister()) {
            return false;
        }
        int op = d.op;
        if (op < 0x38) {
            return (op & 7) <= 1;
        }
        switch (op) {
            case 0x80:
            case 0x81:
            case 0x83:
                return d.group() != 7;
            case 0x86:
            case 0x87:
            case 0x1ab:
            case 0x1b3:
            case 0x1bb:
            case 0x1b0:
            case 0x1b1:
            case 0x1c0:
            case 0x1c1:
                return true;
            case 0xf6:
            case 0xf7:
                return d.group() == 2 || d.group() == 3;
            case 0xfe:
            case 0xff:
                return d.group() <= 1;
            case 0x1ba:
                return d.group() >= 5;
            case 0x1c7:
                return d.group() == 1;
            default:
                return false;
        }
    }

    private static @Nullable Insn legacy(Decoder d) {
        switch (d.op >> 8) {
            case 0:
                return oneByte(d);
            case 1:
                return twoByte(d);
            case 2:
                return map38(d);
            default:
                return VectorForm.of(d);
        }
    }

    private static @Nullable Insn oneByte(Decoder d) {
        int op = d.op;
        switch (op) {
            case 0x63:
                return MoveInstructions.signExtend(d);
            case 0x68, 0x6a:
                return StackInstructions.pushImmediate(d);
            case 0x69, 0x6b:
                return MulDivInstructions.byImmediate(d);
            case 0x6c, 0x6d, 0x6e, 0x6f:
                return StringInstructions.createPort(d);
            case 0x80, 0x81, 0x83:
                return AluInstructions.immediate(d);
            case 0x84, 0x85:
                return AluInstructions.test(d);
            case 0x86, 0x87:
                return AtomicInstructions.exchange(d);
            case 0x88, 0x89:
                return MoveInstructions.toRm(d);
            case 0x8a, 0x8b:
                return MoveInstructions.fromRm(d);
            case 0x8c:
                return d.group() <= CpuState.GS ? SystemForms.storeSegment(d) : null;
            case 0x8d:
                return d.isRegister() ? null : MoveInstructions.lea(d);
            case 0x8e:
                return d.group() <= CpuState.GS && d.group() != CpuState.CS ? SystemForms.loadSegment(d) : null;
            case 0x8f:
                return d.group() == 0 ? StackInstructions.popRm(d) : null;
            case 0x90:
                return (d.rex & 1) != 0 ? AtomicInstructions.exchangeAccumulator(d) : new SystemForms.Nop();
            case 0x91, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97:
                return AtomicInstructions.exchangeAccumulator(d);
            case 0x98:
                return MoveInstructions.extendAccumulator(d);
            case 0x99:
                return MoveInstructions.extendToData(d);
            case 0x9b:
                return SystemForms.plain(XStateInstructions::fwait);
            case 0x9c:
                return SystemForms.pushFlags(d);
            case 0x9d:
                return SystemForms.popFlags(d);
            case 0x9e, 0x9f:
                return SystemForms.ahFlags(d);
            case 0xa0, 0xa1, 0xa2, 0xa3:
                return MoveInstructions.offset(d);
            case 0xa8, 0xa9:
                return AluInstructions.immediateToAccumulator(d, AluOperation.TEST, d.sizeByLowBit());
            case 0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf:
                return StringInstructions.create(d);
            case 0xc0, 0xc1, 0xd0, 0xd1, 0xd2, 0xd3:
                return ShiftInstructions.group(d);
            case 0xc2, 0xc3:
                return BranchInstructions.ret(d);
            case 0xc6, 0xc7:
                return d.group() == 0 ? MoveInstructions.immediateToRm(d) : null;
            case 0xc8:
                return StackInstructions.enter(d);
            case 0xc9:
                return StackInstructions.leave(d);
            case 0xca, 0xcb:
                return SystemForms.farReturn(d);
            case 0xcc, 0xcd, 0xcf, 0xf1:
                return SystemForms.interrupt(d);
            case 0xd7:
                return MoveInstructions.translate(d);
            case 0xd8, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf:
                return VectorForm.x87(d);
            case 0xe0, 0xe1, 0xe2, 0xe3:
                return BranchInstructions.loop(d);
            case 0xe4, 0xe5, 0xe6, 0xe7, 0xec, 0xed, 0xee, 0xef:
                return SystemForms.port(d);
            case 0xe8:
                return BranchInstructions.call(d);
            case 0xe9, 0xeb:
                return BranchInstructions.jump(d);
            case 0xf4:
                return SystemForms.ending(d, SystemInstructions::hlt);
            case 0xf5, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd:
                return SystemForms.flag(d);
            case 0xf6, 0xf7:
                return group3(d);
            case 0xfe:
                return d.group() <= 1 ? AluInstructions.incDec(d, 1) : null;
            case 0xff:
                return group5(d);
            default:
                return row(d);
        }
    }

    /** The rows of the map that are alike throughout. */
    private static Insn row(Decoder d) {
        switch (d.op >> 4) {
            case 5:
                return d.op < 0x58 ? StackInstructions.push(d) : StackInstructions.pop(d);
            case 7:
                return BranchInstructions.conditional(d);
            case 0xb:
                return MoveInstructions.immediateToRegister(d);
            default:
                return AluInstructions.binary(d);
        }
    }

    private static Insn group3(Decoder d) {
        int size = d.sizeByLowBit();
        switch (d.group()) {
            case 0:
            case 1:
                return AluInstructions.immediateToRm(d, AluOperation.TEST, size);
            case 2:
            case 3:
                return AluInstructions.notNeg(d, size);
            default:
                return MulDivInstructions.group(d);
        }
    }

    private static @Nullable Insn group5(Decoder d) {
        switch (d.group()) {
            case 0:
            case 1:
                return AluInstructions.incDec(d, d.size);
            case 2:
                return BranchInstructions.callRm(d);
            case 4:
                return BranchInstructions.jumpRm(d);
            case 6:
                return StackInstructions.pushRm(d);
            case 3:
            case 5:
                return d.isRegister() ? null : SystemForms.farIndirect(d);
            default:
                return null;
        }
    }

    private static @Nullable Insn twoByte(Decoder d) {
        switch (d.op & 0xff) {
            case 0x00:
                return SystemForms.group6(d);
            case 0x01:
                return SystemForms.group7(d);
            case 0x02, 0x03:
                return SystemForms.segmentRights(d);
            case 0x05, 0x07, 0x34, 0x35:
                return SystemForms.fastCall(d);
            case 0x06:
                return SystemForms.ending(d, SystemInstructions::clts);
            case 0x08:
                return SystemForms.ending(d, SystemInstructions::invd);
            case 0x09:
                return SystemForms.ending(d, SystemInstructions::wbinvd);
            case 0x0d, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f:
                return new SystemForms.Nop();
            case 0x20, 0x21, 0x22, 0x23:
                return SystemForms.controlRegister(d);
            case 0x30:
                return SystemForms.ending(d, SystemInstructions::wrmsr);
            case 0x31:
                return SystemForms.plain(SystemInstructions::rdtsc);
            case 0x32:
                return SystemForms.plain(SystemInstructions::rdmsr);
            case 0x33:
                return SystemForms.plain(SystemInstructions::rdpmc);
            case 0x77:
                return SystemForms.plain(XStateInstructions::emms);
            case 0xa0:
                return SystemForms.pushSegment(d, CpuState.FS);
            case 0xa1:
                return SystemForms.popSegment(d, CpuState.FS);
            case 0xa2:
                return SystemForms.plain(SystemInstructions::cpuid);
            case 0xa3, 0xab, 0xb3, 0xbb:
                return BitInstructions.byRegister(d);
            case 0xa4, 0xa5, 0xac, 0xad:
                return ShiftInstructions.doubleShift(d);
            case 0xa8:
                return SystemForms.pushSegment(d, CpuState.GS);
            case 0xa9:
                return SystemForms.popSegment(d, CpuState.GS);
            case 0xaa:
                return SystemForms.ending(d, SystemInstructions::rsm);
            case 0xae:
                return SystemForms.group15(d);
            case 0xaf:
                return MulDivInstructions.toRegister(d);
            case 0xb0, 0xb1:
                return AtomicInstructions.compareExchange(d);
            case 0xb2:
                return d.isRegister() ? null : SystemForms.loadFarPointer(d, CpuState.SS);
            case 0xb4:
                return d.isRegister() ? null : SystemForms.loadFarPointer(d, CpuState.FS);
            case 0xb5:
                return d.isRegister() ? null : SystemForms.loadFarPointer(d, CpuState.GS);
            case 0xb6, 0xb7:
                return MoveInstructions.zeroExtend(d);
            case 0xb8:
                return d.rep == 0xf3 ? BitInstructions.count(d) : null;
            case 0xba:
                return d.group() >= 4 ? BitInstructions.byImmediate(d) : null;
            case 0xbc, 0xbd:
                return d.rep == 0xf3 ? BitInstructions.count(d) : BitInstructions.scan(d);
            case 0xbe, 0xbf:
                return MoveInstructions.signExtend(d);
            case 0xc0, 0xc1:
                return AtomicInstructions.exchangeAdd(d);
            case 0xc3:
                return d.isRegister() || d.rep != 0 || d.operand16 ? null : MoveInstructions.nonTemporal(d);
            case 0xc7:
                return SystemForms.group9(d);
            case 0x04, 0x0a, 0x0b, 0x0c, 0x0e, 0x0f, 0x24, 0x25, 0x26, 0x27, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x3b:
            case 0x3c, 0x3d, 0x3e, 0x3f, 0x78, 0x79, 0xa6, 0xa7, 0xb9, 0xff:
                return null;
            default:
                return row0f(d);
        }
    }

    /** The rows of the map that are alike throughout; what is left are vectors. */
    private static Insn row0f(Decoder d) {
        switch (d.op >> 4 & 15) {
            case 4:
                return MoveInstructions.conditional(d);
            case 8:
                return BranchInstructions.conditional(d);
            case 9:
                return BranchInstructions.set(d);
            case 0xc:
                return (d.op & 8) != 0 ? MoveInstructions.byteSwap(d) : VectorForm.of(d);
            default:
                return VectorForm.of(d);
        }
    }

    private static @Nullable Insn map38(Decoder d) {
        switch (d.op & 0xff) {
            case 0x80:
            case 0x81:
                return null;
            case 0x82:
                return d.operand16 && !d.isRegister() ? SystemForms.invpcid(d) : null;
            case 0xf0:
            case 0xf1:
                return d.rep == 0xf2
                        ? BitInstructions.crc32(d)
                        : d.rep != 0 || d.isRegister() ? null : MoveInstructions.swapped(d);
            case 0xf6:
                return d.rep == 0xf3 || d.rep == 0 && d.operand16 ? BitInstructions.addCarry(d) : null;
            default:
                return (d.op & 0xff) >= 0xf0 ? null : VectorForm.of(d);
        }
    }

    /** General-register instructions in VEX coding are few; the rest are vectors. */
    private static @Nullable Insn vex(Decoder d) {
        if (d.vex == 1 && !d.vexL) {
            switch (d.op) {
                case 0x2f2:
                case 0x2f3:
                case 0x2f5:
                    return BitInstructions.bmi(d);
                case 0x2f6:
                    return d.rep == 0xf2 ? MulDivInstructions.mulx(d) : null;
                case 0x2f7:
                    return d.rep == 0 && !d.operand16 ? BitInstructions.bmi(d) : ShiftInstructions.bmi(d);
                case 0x3f0:
                    return d.rep == 0xf2 && d.vexRegister == 0 ? ShiftInstructions.rorx(d) : null;
                default:
                    break;
            }
        }
        return VectorForm.of(d);
    }
}
