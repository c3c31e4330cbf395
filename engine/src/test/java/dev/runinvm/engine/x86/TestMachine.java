package dev.runinvm.engine.x86;

import dev.runinvm.engine.machine.GuestMemory;
import dev.runinvm.engine.machine.InterruptController;
import dev.runinvm.engine.machine.MmioBus;
import dev.runinvm.engine.machine.PortBus;
import dev.runinvm.engine.machine.TimeSource;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * A processor in 64-bit mode with hand-made tables: all memory at {@link #KERNEL}, supervisor only; a GDT laid out as
 * Linux' is, an IDT, a TSS, stacks.
 */
final class TestMachine implements AutoCloseable {
    static final long RAM = 4 << 20;
    /** Linear address of physical 0. */
    static final long KERNEL = 0xffff_8880_0000_0000L;

    static final int GDT = 0x1000;
    static final int TSS = 0x2000;
    static final int IDT = 0x3000;
    static final int STACK_TOP = 0x8000;
    static final int RSP0_TOP = 0xa000;
    static final int IST1_TOP = 0xc000;
    private static final int TABLES = 0x10_0000;

    static final int KERNEL_CS = 0x10;
    static final int KERNEL_DS = 0x18;
    static final int USER32_CS = 0x23;
    static final int USER_DS = 0x2b;
    static final int USER_CS = 0x33;
    static final int TR = 0x40;

    static final long P = PageWalker.PRESENT;
    static final long W = PageWalker.WRITABLE;
    static final long U = PageWalker.USER;
    static final long G = PageWalker.GLOBAL;
    static final long NX = PageWalker.NO_EXECUTE;
    static final long LARGE = PageWalker.LARGE;

    final GuestMemory memory = GuestMemory.create(RAM, true);
    final MmioBus mmio = new MmioBus();
    final PortBus ports = new PortBus();
    final Deque<Integer> interrupts = new ArrayDeque<>();
    final CpuState s = new CpuState();
    final Cpu cpu;
    final Mmu mmu;
    long tsc = 1000;
    private long nextTable = TABLES;

    TestMachine() {
        this(HostCpuids.zen4(), 0xe7);
    }

    TestMachine(HostCpuid host, long hostXcr0) {
        InterruptController intc = new InterruptController() {
            @Override
            public boolean pending() {
                return !interrupts.isEmpty();
            }

            @Override
            public int acknowledge() {
                return interrupts.remove();
            }
        };
        TimeSource time = new TimeSource() {
            @Override
            public long nanos() {
                return tsc;
            }

            @Override
            public long tsc() {
                return tsc;
            }

            @Override
            public long tscHz() {
                return 1_000_000_000;
            }

            @Override
            public long wallClockNanos() {
                return 0;
            }
        };
        s.cr0 = 0x8005_0033L;
        s.cr4 = 1 << 5 | CpuState.CR4_PGE | CpuState.CR4_OSFXSR | CpuState.CR4_OSXSAVE | CpuState.CR4_FSGSBASE;
        s.efer = CpuState.EFER_SCE | CpuState.EFER_LME | CpuState.EFER_LMA | CpuState.EFER_NXE;
        s.cr3 = newTable();
        cpu = new Cpu(s, memory, mmio, ports, intc, time, new CpuidModel(host, hostXcr0, 1_000_000_000));
        mmu = cpu.mmu;
        for (long pa = 0; pa < RAM; pa += 0x20_0000) {
            map(KERNEL + pa, pa, P | W | G | LARGE, 21);
        }
        tables();
        Segments.setFlat(s, KERNEL_CS, KERNEL_DS, 0);
        s.gpr[CpuState.RSP] = KERNEL + STACK_TOP;
        s.rip = KERNEL + 0x5000;
    }

    private void tables() {
        long[] gdt = {
            0,
            0,
            0x00af9b000000ffffL,
            0x00cf93000000ffffL,
            0x00cffb000000ffffL,
            0x00cff3000000ffffL,
            0x00affb000000ffffL,
            0
        };
        for (int i = 0; i < gdt.length; i++) {
            memory.putLong(GDT + 8 * i, gdt[i]);
        }
        long tss = KERNEL + TSS;
        memory.putLong(GDT + TR, 0x0000_8900_0000_0000L | (tss & 0xff_ffff) << 16 | (tss >>> 24 & 0xff) << 56 | 0x206f);
        memory.putLong(GDT + TR + 8, tss >>> 32);
        memory.putLong(TSS + 4, KERNEL + RSP0_TOP);
        memory.putLong(TSS + 0x24, KERNEL + IST1_TOP);
        memory.putShort(TSS + 0x66, (short) 0x68);
        s.gdtrBase = KERNEL + GDT;
        s.gdtrLimit = 0x7f;
        s.idtrBase = KERNEL + IDT;
        s.idtrLimit = 0xfff;
        s.trBase = tss;
        s.trLimit = 0x206f;
        s.trSelector = TR;
    }

    /** Writes a gate; the handler's address is {@link #handler}. */
    void gate(int vector, int type, int dpl, int ist) {
        gate(vector, KERNEL_CS, type, dpl, ist, handler(vector));
    }

    void gate(int vector, int selector, int type, int dpl, int ist, long target) {
        long low = target & 0xffff
                | (long) selector << 16
                | (long) ist << 32
                | (0x80L | dpl << 5 | type) << 40
                | (target >>> 16 & 0xffff) << 48;
        memory.putLong(IDT + 16 * vector, low);
        memory.putLong(IDT + 16 * vector + 8, target >>> 32);
    }

    static long handler(int vector) {
        return KERNEL + 0x20_0000 + 16 * vector;
    }

    /** Goes to CPL 3 with the usual segments. */
    void user(long rip, long rsp) {
        Segments.setFlat(s, USER_CS, USER_DS, 3);
        s.cpl = 3;
        s.rip = rip;
        s.gpr[CpuState.RSP] = rsp;
        s.setRflags(s.rflags() | CpuState.FLAG_IF);
        mmu.rightsChanged();
    }

    void kernel() {
        Segments.setFlat(s, KERNEL_CS, KERNEL_DS, 0);
        s.cpl = 0;
        mmu.rightsChanged();
    }

    long newTable() {
        long table = nextTable;
        nextTable += 4096;
        for (int i = 0; i < 4096; i += 8) {
            memory.putLong(table + i, 0);
        }
        return table;
    }

    /** Maps a 4 KiB page; upper levels allow everything. */
    void map(long va, long pa, long flags) {
        map(va, pa, flags, 12);
    }

    /** Maps a page of 2^shift bytes; upper levels allow everything. */
    void map(long va, long pa, long flags, int shift) {
        memory.putLong(entryAddress(va, shift), pa | flags);
    }

    /** Physical address of the entry that maps an address with pages of 2^shift bytes; tables are made as needed. */
    long entryAddress(long va, int shift) {
        long table = s.cr3 & PageWalker.ADDRESS;
        for (int level = 39; ; level -= 9) {
            long at = table + (va >>> level & 511) * 8;
            if (level == shift) {
                return at;
            }
            if ((memory.getLong(at) & P) == 0) {
                memory.putLong(at, newTable() | P | W | U);
            }
            table = memory.getLong(at) & PageWalker.ADDRESS;
        }
    }

    @Override
    public void close() {
        memory.close();
    }
}
