package dev.runinvm.engine.x86;

import org.jspecify.annotations.Nullable;

/** Chooses the form for what a {@link Decoder} has taken apart: the opcode maps (SDM vol. 2, appendix A). */
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
        switch (op >> 4) {
            case 0:
            case 1:
            case 2:
            case 3:
                return AluInstructions.binary(d);
            case 5:
                return op < 0x58 ? StackInstructions.push(d) : StackInstructions.pop(d);
            case 6:
                return row6(d);
            case 7:
                return BranchInstructions.conditional(d);
            case 8:
                return row8(d);
            case 9:
                return row9(d);
            case 0xa:
                return rowA(d);
            case 0xb:
                return MoveInstructions.immediateToRegister(d);
            case 0xc:
                return rowC(d);
            case 0xd:
                return op < 0xd4
                        ? ShiftInstructions.group(d)
                        : op == 0xd7 ? MoveInstructions.translate(d) : VectorForm.x87(d);
            case 0xe:
                return rowE(d);
            default:
                return rowF(d);
        }
    }

    private static @Nullable Insn row6(Decoder d) {
        switch (d.op) {
            case 0x63:
                return MoveInstructions.signExtend(d);
            case 0x68:
            case 0x6a:
                return StackInstructions.pushImmediate(d);
            case 0x69:
            case 0x6b:
                return MulDivInstructions.byImmediate(d);
            default:
                return StringInstructions.createPort(d);
        }
    }

    private static @Nullable Insn row8(Decoder d) {
        switch (d.op) {
            case 0x80:
            case 0x81:
            case 0x83:
                return AluInstructions.immediate(d);
            case 0x84:
            case 0x85:
                return AluInstructions.test(d);
            case 0x86:
            case 0x87:
                return AtomicInstructions.exchange(d);
            case 0x88:
            case 0x89:
                return MoveInstructions.toRm(d);
            case 0x8a:
            case 0x8b:
                return MoveInstructions.fromRm(d);
            case 0x8c:
                return d.group() <= CpuState.GS ? SystemForms.storeSegment(d) : null;
            case 0x8d:
                return d.isRegister() ? null : MoveInstructions.lea(d);
            case 0x8e:
                return d.group() <= CpuState.GS && d.group() != CpuState.CS ? SystemForms.loadSegment(d) : null;
            default:
                return d.group() == 0 ? StackInstructions.popRm(d) : null;
        }
    }

    private static Insn row9(Decoder d) {
        switch (d.op) {
            case 0x90:
                return (d.rex & 1) != 0 ? AtomicInstructions.exchangeAccumulator(d) : new SystemForms.Nop();
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
            case 0x9e:
            case 0x9f:
                return SystemForms.ahFlags(d);
            default:
                return AtomicInstructions.exchangeAccumulator(d);
        }
    }

    private static Insn rowA(Decoder d) {
        switch (d.op) {
            case 0xa0:
            case 0xa1:
            case 0xa2:
            case 0xa3:
                return MoveInstructions.offset(d);
            case 0xa8:
            case 0xa9:
                return AluInstructions.immediateToAccumulator(d, AluOperation.TEST, d.sizeByLowBit());
            default:
                return StringInstructions.create(d);
        }
    }

    private static @Nullable Insn rowC(Decoder d) {
        switch (d.op) {
            case 0xc0:
            case 0xc1:
                return ShiftInstructions.group(d);
            case 0xc2:
            case 0xc3:
                return BranchInstructions.ret(d);
            case 0xc6:
            case 0xc7:
                return d.group() == 0 ? MoveInstructions.immediateToRm(d) : null;
            case 0xc8:
                return StackInstructions.enter(d);
            case 0xc9:
                return StackInstructions.leave(d);
            case 0xca:
            case 0xcb:
                return SystemForms.farReturn(d);
            default:
                return SystemForms.interrupt(d);
        }
    }

    private static Insn rowE(Decoder d) {
        switch (d.op) {
            case 0xe0:
            case 0xe1:
            case 0xe2:
            case 0xe3:
                return BranchInstructions.loop(d);
            case 0xe8:
                return BranchInstructions.call(d);
            case 0xe9:
            case 0xeb:
                return BranchInstructions.jump(d);
            default:
                return SystemForms.port(d);
        }
    }

    private static @Nullable Insn rowF(Decoder d) {
        switch (d.op) {
            case 0xf1:
                return SystemForms.interrupt(d);
            case 0xf4:
                return SystemForms.ending(d, SystemInstructions::hlt);
            case 0xf6:
            case 0xf7:
                return group3(d);
            case 0xfe:
                return d.group() <= 1 ? AluInstructions.incDec(d, 1) : null;
            case 0xff:
                return group5(d);
            default:
                return SystemForms.flag(d);
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
        int op = d.op & 0xff;
        switch (op >> 4) {
            case 0:
                return two0(d);
            case 2:
                return op < 0x24 ? SystemForms.controlRegister(d) : VectorForm.of(d);
            case 3:
                return two3(d);
            case 4:
                return MoveInstructions.conditional(d);
            case 7:
                return op == 0x77
                        ? SystemForms.plain(XStateInstructions::emms)
                        : op == 0x78 || op == 0x79 ? null : VectorForm.of(d);
            case 8:
                return BranchInstructions.conditional(d);
            case 9:
                return BranchInstructions.set(d);
            case 0xa:
                return twoA(d);
            case 0xb:
                return twoB(d);
            case 0xc:
                return twoC(d);
            case 1:
                return op >= 0x18 ? new SystemForms.Nop() : VectorForm.of(d);
            default:
                return op == 0xff ? null : VectorForm.of(d);
        }
    }

    private static @Nullable Insn two0(Decoder d) {
        switch (d.op & 0xff) {
            case 0x00:
                return SystemForms.group6(d);
            case 0x01:
                return SystemForms.group7(d);
            case 0x02:
            case 0x03:
                return SystemForms.segmentRights(d);
            case 0x05:
            case 0x07:
                return SystemForms.fastCall(d);
            case 0x06:
                return SystemForms.ending(d, SystemInstructions::clts);
            case 0x08:
                return SystemForms.ending(d, SystemInstructions::invd);
            case 0x09:
                return SystemForms.ending(d, SystemInstructions::wbinvd);
            case 0x0d:
                return new SystemForms.Nop();
            default:
                return null;
        }
    }

    private static @Nullable Insn two3(Decoder d) {
        switch (d.op & 0xff) {
            case 0x30:
                return SystemForms.ending(d, SystemInstructions::wrmsr);
            case 0x31:
                return SystemForms.plain(SystemInstructions::rdtsc);
            case 0x32:
                return SystemForms.plain(SystemInstructions::rdmsr);
            case 0x33:
                return SystemForms.plain(SystemInstructions::rdpmc);
            case 0x34:
            case 0x35:
                return SystemForms.fastCall(d);
            default:
                return null;
        }
    }

    private static @Nullable Insn twoA(Decoder d) {
        switch (d.op & 0xff) {
            case 0xa0:
                return SystemForms.pushSegment(d, CpuState.FS);
            case 0xa1:
                return SystemForms.popSegment(d, CpuState.FS);
            case 0xa2:
                return SystemForms.plain(SystemInstructions::cpuid);
            case 0xa3:
            case 0xab:
                return BitInstructions.byRegister(d);
            case 0xa4:
            case 0xa5:
            case 0xac:
            case 0xad:
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
            default:
                return null;
        }
    }

    private static @Nullable Insn twoB(Decoder d) {
        switch (d.op & 0xff) {
            case 0xb0:
            case 0xb1:
                return AtomicInstructions.compareExchange(d);
            case 0xb2:
                return d.isRegister() ? null : SystemForms.loadFarPointer(d, CpuState.SS);
            case 0xb4:
                return d.isRegister() ? null : SystemForms.loadFarPointer(d, CpuState.FS);
            case 0xb5:
                return d.isRegister() ? null : SystemForms.loadFarPointer(d, CpuState.GS);
            case 0xb3:
            case 0xbb:
                return BitInstructions.byRegister(d);
            case 0xb6:
            case 0xb7:
                return MoveInstructions.zeroExtend(d);
            case 0xb8:
                return d.rep == 0xf3 ? BitInstructions.count(d) : null;
            case 0xba:
                return d.group() >= 4 ? BitInstructions.byImmediate(d) : null;
            case 0xbc:
            case 0xbd:
                return d.rep == 0xf3 ? BitInstructions.count(d) : BitInstructions.scan(d);
            case 0xbe:
            case 0xbf:
                return MoveInstructions.signExtend(d);
            default:
                return null;
        }
    }

    private static @Nullable Insn twoC(Decoder d) {
        switch (d.op & 0xff) {
            case 0xc0:
            case 0xc1:
                return AtomicInstructions.exchangeAdd(d);
            case 0xc3:
                return d.isRegister() || d.rep != 0 || d.operand16 ? null : MoveInstructions.nonTemporal(d);
            case 0xc7:
                return SystemForms.group9(d);
            case 0xc2:
            case 0xc4:
            case 0xc5:
            case 0xc6:
                return VectorForm.of(d);
            default:
                return MoveInstructions.byteSwap(d);
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
