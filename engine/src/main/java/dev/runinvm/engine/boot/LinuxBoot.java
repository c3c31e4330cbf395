package dev.runinvm.engine.boot;

import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.machine.GuestMemory;
import dev.runinvm.engine.x86.CpuState;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Puts an uncompressed kernel into guest memory and the processor into the state of Linux' 64-bit boot protocol
 * (Documentation/arch/x86/boot.rst): long mode, flat segments, the first 4 GiB mapped one to one, RSI at boot_params.
 *
 * <p>Low memory: GDT at 0x500, boot_params at 0x7000, page tables from 0x9000, the command line at 0x20000. RAM from
 * 0x9fc00 to 1 MiB is not told of, as on a PC.
 */
public final class LinuxBoot {
    /** Physical address of the global descriptor table. */
    public static final long GDT = 0x500;
    /** Physical address of boot_params, the "zero page". */
    public static final long BOOT_PARAMS = 0x7000;
    /** Physical address of the top-level page table. */
    public static final long PML4 = 0x9000;
    /** Physical address of the command line. */
    public static final long COMMAND_LINE = 0x20000;
    /** Where conventional memory ends for the guest. */
    public static final long LOW_RAM_END = 0x9fc00;
    /** Where it goes on. */
    public static final long HIGH_RAM_START = 0x10_0000;

    private static final long FOUR_GIB = 1L << 32;
    private static final long PDPT = PML4 + 0x1000;
    private static final long PAGE_DIRECTORIES = PML4 + 0x2000;
    private static final long BOOT_STACK = 0x8ff0;
    private static final int BOOT_CS = 0x10;
    private static final int BOOT_DS = 0x18;
    private static final int CODE_ACCESS = 0xa09b;
    private static final int DATA_ACCESS = 0xc093;
    private static final int E820_RAM = 1;
    private static final int E820_RESERVED = 2;
    /** "Legacy" persistent memory (arch/x86/include/uapi/asm/bootparam.h: E820_TYPE_PRAM), a /dev/pmem of Linux. */
    private static final int E820_PERSISTENT = 12;

    private static final int E820_TABLE = 0x2d0;
    /** What the kernel takes for itself (page structs, its heap) beside its image and the files, by experience. */
    private static final long KERNEL_NEEDS = 48L << 20;

    private LinuxBoot() {}

    /** One line of the memory map. */
    record E820(long start, long length, int type) {}

    /**
     * Where things were put.
     *
     * @param initramfsStart physical address, 0 without an initramfs
     * @param initramfsSize bytes
     * @param diskStarts physical address of each disk
     * @param disks sizes and distances of these
     * @param disksStart lowest of these, or the end of low memory without disks
     * @param disksEnd first address behind them
     */
    public record Layout(
            long kernelStart,
            long kernelEnd,
            long initramfsStart,
            long initramfsSize,
            List<Long> diskStarts,
            MemoryDisks disks,
            long disksStart,
            long disksEnd) {}

    /** As {@link #load(GuestMemory, Vmlinux, List, List, String, CpuState)}, without disks. */
    public static Layout load(
            GuestMemory memory, Vmlinux kernel, List<Path> initramfs, String commandLine, CpuState cpu) {
        return load(memory, kernel, initramfs, List.of(), commandLine, cpu);
    }

    /**
     * Loads a kernel, to be started at {@code cpu}'s RIP.
     *
     * @param memory fresh guest memory: all zeroes
     * @param initramfs cpio archives, one behind the other in memory; later ones win; may be empty
     * @param disks images that become persistent memory for the guest: /dev/pmem0, ...; may be empty
     * @param commandLine without terminating zero
     * @param cpu the boot processor after reset; its registers are set
     * @throws HostLacks if the memory is too small, the command line too long or a file cannot be read
     */
    public static Layout load(
            GuestMemory memory,
            Vmlinux kernel,
            List<Path> initramfs,
            List<Path> disks,
            String commandLine,
            CpuState cpu) {
        SetupHeader header = kernel.setupHeader().orElseGet(SetupHeader::synthetic);
        byte[] command = commandLine.getBytes(StandardCharsets.UTF_8);
        if (command.length > header.commandLineSize()) {
            throw new HostLacks("the kernel command line has " + command.length + " bytes, this kernel takes at most "
                    + header.commandLineSize());
        }
        if (commandLine.indexOf('\0') >= 0) {
            throw new HostLacks("the kernel command line holds a zero byte");
        }
        Payload archives = Payload.of("initramfs", initramfs, 4);
        Payload images = Payload.ofDisks(disks);
        Layout layout = place(memory, kernel, header, archives, images);
        for (Elf64.Segment s : kernel.segments()) {
            loadSegment(memory, kernel, s);
        }
        archives.load(memory, layout.initramfsStart);
        images.back(memory, layout.disksStart);
        memory.write(COMMAND_LINE, command, 0, command.length);
        memory.putByte(COMMAND_LINE + command.length, (byte) 0);
        writeBootParams(memory, header, layout);
        writePageTables(memory);
        writeGdt(memory);
        setRegisters(cpu, kernel.entry());
        return layout;
    }

    private static Layout place(
            GuestMemory memory, Vmlinux kernel, SetupHeader header, Payload archives, Payload images) {
        long kernelEnd = kernel.physicalEnd();
        if (kernel.physicalStart() < HIGH_RAM_START || kernelEnd > FOUR_GIB || kernelEnd < 0) {
            throw new HostLacks(kernel.elf().name() + " wants to be at physical address 0x"
                    + Long.toHexString(kernel.physicalStart()) + " to 0x" + Long.toHexString(kernelEnd)
                    + "; only 1 MiB to 4 GiB is possible");
        }
        // Linux lets its first file system take half of the memory that is neither kernel nor initramfs
        long needed = kernelEnd + KERNEL_NEEDS + archives.size() + 2 * archives.unpackedSize() + images.size();
        if (memory.ramSize() < needed) {
            throw new HostLacks("the guest's memory of " + mib(memory.ramSize()) + " MiB is too small: this kernel with"
                    + " an initramfs of " + mib(archives.size()) + " MiB and disks of " + mib(images.size())
                    + " MiB needs at least " + mib(needed) + " MiB before the first program runs");
        }
        long disksEnd = images.size() == 0 ? memory.lowSize() : memory.lowSize() & -MemoryDisks.UNIT;
        long disksStart = disksEnd - images.size();
        long top = Math.min(disksStart, header.initramfsAddressMax() + 1);
        long start = top - archives.size() & -GuestMemory.PAGE_SIZE;
        if (start < kernelEnd) {
            throw new HostLacks(
                    "an initramfs of " + mib(archives.size()) + " MiB has no room between the kernel's end at "
                            + mib(kernelEnd) + " MiB and the highest address possible, " + mib(top) + " MiB");
        }
        return new Layout(
                kernel.physicalStart(),
                kernelEnd,
                archives.size() == 0 ? 0 : start,
                archives.size(),
                images.starts(disksStart),
                new MemoryDisks(images.sizes()),
                disksStart,
                disksEnd);
    }

    private static long mib(long bytes) {
        return bytes + (1 << 20) - 1 >> 20;
    }

    private static void loadSegment(GuestMemory memory, Vmlinux kernel, Elf64.Segment segment) {
        try {
            memory.load(kernel.elf().content(segment), segment.physical());
        } catch (IOException e) {
            throw new HostLacks("cannot load the kernel " + kernel.elf().name() + ": " + e, e);
        }
    }

    /** The memory map the guest is told of: RAM without the PC's hole, disks, and the host's window as reserved. */
    static List<E820> e820(GuestMemory memory, Layout layout) {
        List<E820> map = new ArrayList<>();
        map.add(new E820(0, LOW_RAM_END, E820_RAM));
        map.add(new E820(HIGH_RAM_START, layout.disksStart - HIGH_RAM_START, E820_RAM));
        for (MemoryDisks.Place disk : layout.disks.places()) {
            if (disk.start() > 0) {
                map.add(new E820(layout.disksStart + disk.start() - MemoryDisks.UNIT, MemoryDisks.UNIT, E820_RESERVED));
            }
            map.add(new E820(layout.disksStart + disk.start(), disk.size(), E820_PERSISTENT));
        }
        if (layout.disksEnd < memory.lowSize()) {
            map.add(new E820(layout.disksEnd, memory.lowSize() - layout.disksEnd, E820_RAM));
        }
        map.add(new E820(GuestMemory.WINDOW_BASE, 2 << 20, E820_RESERVED));
        long high = memory.ramSize() - memory.lowSize();
        if (high > 0) {
            map.add(new E820(FOUR_GIB, high, E820_RAM));
        }
        return map;
    }

    private static void writeBootParams(GuestMemory memory, SetupHeader header, Layout layout) {
        ByteBuffer p = ByteBuffer.allocate(GuestMemory.PAGE_SIZE).order(ByteOrder.LITTLE_ENDIAN);
        p.put(SetupHeader.OFFSET, header.bytes());
        p.put(0x210, (byte) 0xff); // type_of_loader: none of the registered ones
        p.put(0x211, (byte) (p.get(0x211) | 1)); // loadflags: LOADED_HIGH
        p.putInt(0x228, (int) COMMAND_LINE);
        if (layout.initramfsSize > 0) {
            p.putInt(0x218, (int) layout.initramfsStart);
            p.putInt(0x21c, (int) layout.initramfsSize);
        }
        List<E820> map = e820(memory, layout);
        p.put(0x1e8, (byte) map.size());
        int at = E820_TABLE;
        for (E820 e : map) {
            p.putLong(at, e.start);
            p.putLong(at + 8, e.length);
            p.putInt(at + 16, e.type);
            at += 20;
        }
        memory.write(BOOT_PARAMS, p.array(), 0, p.capacity());
    }

    private static void writePageTables(GuestMemory memory) {
        memory.putLong(PML4, PDPT | 3);
        for (int gib = 0; gib < 4; gib++) {
            long directory = PAGE_DIRECTORIES + gib * 0x1000L;
            memory.putLong(PDPT + gib * 8L, directory | 3);
            for (int i = 0; i < 512; i++) {
                memory.putLong(directory + i * 8L, ((long) gib << 30) + ((long) i << 21) | 0x83);
            }
        }
    }

    private static void writeGdt(GuestMemory memory) {
        memory.putLong(GDT, 0);
        memory.putLong(GDT + 8, 0);
        memory.putLong(GDT + BOOT_CS, descriptor(CODE_ACCESS));
        memory.putLong(GDT + BOOT_DS, descriptor(DATA_ACCESS));
    }

    /** A segment descriptor with base 0 and limit 0xfffff pages (SDM vol. 3, 3.4.5). */
    private static long descriptor(int access) {
        return 0x000f_0000_0000_ffffL | (access & 0xf0ffL) << 40;
    }

    private static void setRegisters(CpuState cpu, long entry) {
        Arrays.fill(cpu.gpr, 0);
        cpu.gpr[CpuState.RSI] = BOOT_PARAMS;
        cpu.gpr[CpuState.RSP] = BOOT_STACK;
        cpu.rip = entry;
        cpu.cpl = 0;
        cpu.setRflags(2);
        for (int s = 0; s < 6; s++) {
            cpu.selector[s] = s == CpuState.CS ? BOOT_CS : BOOT_DS;
            cpu.base[s] = 0;
            cpu.limit[s] = 0xffff_ffff;
            cpu.access[s] = s == CpuState.CS ? CODE_ACCESS : DATA_ACCESS;
        }
        cpu.gdtrBase = GDT;
        cpu.gdtrLimit = 4 * 8 - 1;
        cpu.idtrBase = 0;
        cpu.idtrLimit = 0;
        cpu.cr0 = CpuState.CR0_PE | 1 << 4 | 1 << 5 | CpuState.CR0_PG; // and ET, NE
        cpu.cr3 = PML4;
        cpu.cr4 = 1 << 5; // PAE
        cpu.efer = CpuState.EFER_LME | CpuState.EFER_LMA;
    }
}
