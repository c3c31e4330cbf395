package dev.runinvm.engine.direct;

import dev.runinvm.engine.machine.GuestMemory;
import dev.runinvm.engine.x86.CpuState;
import dev.runinvm.engine.x86.PageWalker;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/** A guest of some pages with hand-made page tables and machine code, for tests of direct execution. */
final class TinyGuest implements AutoCloseable {
    static final long P = PageWalker.PRESENT;
    static final long W = PageWalker.WRITABLE;
    static final long U = PageWalker.USER;
    static final long NX = PageWalker.NO_EXECUTE;
    static final long A = PageWalker.ACCESSED;
    static final long D = PageWalker.DIRTY;

    /** Where programs are put, and the physical page behind it. */
    static final long CODE = 0x40_0000;

    static final long CODE_PHYSICAL = 0x20_0000;
    /** A writable data page, and behind it. */
    static final long DATA = 0x60_0000;

    static final long DATA_PHYSICAL = 0x30_0000;
    static final long STACK_TOP = 0x7fff_0000_0000L;

    final GuestMemory memory;
    final DirectEngine engine;
    final CpuState cpu = new CpuState();
    final List<Long> becameWritable = new ArrayList<>();
    private long nextTable = 0x1000;

    TinyGuest() {
        this(4);
    }

    TinyGuest(int maxMirrors) {
        this(maxMirrors, 16, true);
    }

    TinyGuest(int maxMirrors, int faultAround, boolean pin) {
        this(new DirectOptions(maxMirrors, faultAround, pin, true));
    }

    /** As on a machine that has no such thing. */
    static TinyGuest withoutCpuidFaulting() {
        return new TinyGuest(new DirectOptions(4, 16, true, false));
    }

    private TinyGuest(DirectOptions options) {
        memory = GuestMemory.create(64 << 20, true);
        engine = DirectEngine.open(memory, HostCpu.probe(), options);
        engine.setWritableListener(becameWritable::add);
        cpu.cr3 = newSpace();
        cpu.cr0 = CpuState.CR0_PE | CpuState.CR0_PG | CpuState.CR0_WP;
        cpu.cr4 = CpuState.CR4_OSFXSR | CpuState.CR4_OSXSAVE;
        cpu.efer = CpuState.EFER_LMA | CpuState.EFER_LME | CpuState.EFER_NXE | CpuState.EFER_SCE;
        cpu.cpl = 3;
        cpu.selector[CpuState.CS] = 0x33;
        cpu.selector[CpuState.SS] = 0x2b;
        cpu.setRflags(CpuState.FLAG_IF | 2);
        cpu.xstate = ByteBuffer.allocate(4096).order(ByteOrder.LITTLE_ENDIAN);
        cpu.xstate.putShort(0, (short) 0x37f);
        cpu.xstate.putInt(24, 0x1f80);
        standard(cpu.cr3);
    }

    /** A new address space: the physical address of its top-level table. */
    long newSpace() {
        long t = nextTable;
        nextTable += 4096;
        return t;
    }

    void standard(long root) {
        map(root, CODE, CODE_PHYSICAL, P | U);
        map(root, DATA, DATA_PHYSICAL, P | U | W | NX);
        map(root, STACK_TOP - 4096, DATA_PHYSICAL + 4096, P | U | W | NX);
    }

    /** Writes the leaf entry of a 4 KiB page; 0 as flags unmaps. */
    void map(long root, long va, long physical, long flags) {
        memory.putLong(leafAddress(root, va, 12), flags == 0 ? 0 : physical | flags);
    }

    void mapLarge(long root, long va, long physical, long flags) {
        memory.putLong(leafAddress(root, va, 21), physical | flags | PageWalker.LARGE);
    }

    long leafAddress(long root, long va, int leafShift) {
        long table = root;
        for (int shift = 39; shift > leafShift; shift -= 9) {
            long at = table + (va >>> shift & 511) * 8;
            long e = memory.getLong(at);
            if ((e & P) == 0) {
                e = nextTable | P | W | U;
                nextTable += 4096;
                memory.putLong(at, e);
            }
            table = e & PageWalker.ADDRESS;
        }
        return table + (va >>> leafShift & 511) * 8;
    }

    long leaf(long va) {
        return memory.getLong(leafAddress(cpu.cr3, va, 12));
    }

    /** Puts a program at {@link #CODE} and points RIP at it. */
    TinyGuest program(int... bytes) {
        for (int i = 0; i < bytes.length; i++) {
            memory.putByte(CODE_PHYSICAL + i, (byte) bytes[i]);
        }
        return at(CODE);
    }

    TinyGuest program(Assembler a) {
        byte[] b = a.assemble();
        memory.write(CODE_PHYSICAL, b, 0, b.length);
        return at(CODE);
    }

    TinyGuest at(long rip) {
        cpu.rip = rip;
        cpu.gpr[CpuState.RSP] = STACK_TOP - 64;
        return this;
    }

    Trap run() {
        return engine.run(cpu, 20_000_000_000L);
    }

    @Override
    public void close() {
        engine.close();
        memory.close();
    }
}
