package dev.runinvm.engine.para;

import dev.runinvm.engine.boot.FakeKernel;
import dev.runinvm.engine.boot.Vmlinux;
import dev.runinvm.engine.direct.HostCpu;
import dev.runinvm.engine.machine.GuestMemory;
import dev.runinvm.engine.machine.TimeSource;
import dev.runinvm.engine.x86.CpuState;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/** A domain with a hand-made kernel, whose hypercalls are made by the processor's own SYSCALL. */
final class TestDomain implements AutoCloseable {
    static final long VIRT_BASE = 0xffff_ffff_8000_0000L;
    static final long TEXT = 0x100_0000;
    static final long P2M = 0x80_0000_0000L;
    static final long RAM = 160L << 20;
    /** A page of the kernel's where arguments can be put. */
    static final long SCRATCH = VIRT_BASE + 0x200_0000;

    private static final HostCpu HOST = HostCpu.probe();

    final GuestMemory memory = GuestMemory.create(RAM);
    final ByteArrayOutputStream console = new ByteArrayOutputStream();
    final Domain domain;
    final CpuState s;
    long nanos = 1000;
    /** Wall clock, in nanoseconds since 1970, when the domain's clock was at 0. */
    static final long WALL_CLOCK = 1_700_000_000_000_000_000L;

    final TimeSource time = new TimeSource() {
        @Override
        public long nanos() {
            return nanos;
        }

        @Override
        public long tsc() {
            return 3 * nanos;
        }

        @Override
        public long tscHz() {
            return 3_000_000_000L;
        }

        @Override
        public long wallClockNanos() {
            return WALL_CLOCK + nanos;
        }
    };

    TestDomain() {
        this(List.of(), List.of(), "console=hvc0", new byte[] {(byte) 0xf4}, false);
    }

    TestDomain(List<Path> initramfs, List<Path> disks, String commandLine, byte[] text, boolean hypercallPage) {
        DomainBuilder builder =
                new DomainBuilder(memory, kernel(text, hypercallPage), initramfs, new byte[0], disks, commandLine);
        domain = Domain.build(memory, builder, time, HOST);
        domain.setConsoleOutput(console::write);
        s = domain.cpu.s;
    }

    static Vmlinux kernel(byte[] text, boolean hypercallPage) {
        ByteArrayOutputStream notes = new ByteArrayOutputStream();
        notes.writeBytes(note(1, VIRT_BASE + TEXT));
        notes.writeBytes(note(3, VIRT_BASE));
        notes.writeBytes(note(15, P2M));
        notes.writeBytes(note(16, 1));
        if (hypercallPage) {
            notes.writeBytes(note(2, VIRT_BASE + TEXT + 0x1000));
        }
        ByteBuffer header = FakeKernel.header(2, 62, 2, 2);
        header.putLong(24, TEXT);
        FakeKernel.programHeader(header, 0, 1, 0x1000, VIRT_BASE + TEXT, TEXT, text.length, 0x4000);
        FakeKernel.programHeader(header, 1, 4, 0x200, VIRT_BASE, TEXT, notes.size(), notes.size());
        ByteBuffer file = ByteBuffer.allocate(0x1000 + text.length);
        file.put(0, header.array()).put(0x200, notes.toByteArray()).put(0x1000, text);
        return Vmlinux.parse(file, "test kernel", null);
    }

    private static byte[] note(int type, long value) {
        byte[] owner = "Xen\0".getBytes(StandardCharsets.US_ASCII);
        return ByteBuffer.allocate(24)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(owner.length)
                .putInt(8)
                .putInt(type)
                .put(owner)
                .putLong(value)
                .array();
    }

    /** Makes a hypercall as the kernel would. */
    long call(int number, long... arguments) {
        int[] registers = {CpuState.RDI, CpuState.RSI, CpuState.RDX, 10, 8};
        for (int i = 0; i < arguments.length; i++) {
            s.gpr[registers[i]] = arguments[i];
        }
        s.gpr[CpuState.RAX] = number;
        domain.pv.syscall(domain.cpu, VIRT_BASE + TEXT);
        return s.gpr[CpuState.RAX];
    }

    /** Physical address of the xenstore's ring. */
    long storePage() {
        return domain.consolePage() - 4096;
    }

    /** Puts 8-byte words at the kernel's scratch page; answers their address. */
    long words(long... values) {
        for (int i = 0; i < values.length; i++) {
            domain.cpu.mmu.write64(SCRATCH + 8L * i, values[i]);
        }
        return SCRATCH;
    }

    long read64(long linear) {
        return domain.cpu.mmu.read64(linear);
    }

    @Override
    public void close() {
        memory.close();
    }
}
