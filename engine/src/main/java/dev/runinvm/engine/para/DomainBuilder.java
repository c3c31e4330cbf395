package dev.runinvm.engine.para;

import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.boot.Elf64;
import dev.runinvm.engine.boot.MemoryDisks;
import dev.runinvm.engine.boot.Payload;
import dev.runinvm.engine.boot.Vmlinux;
import dev.runinvm.engine.machine.GuestMemory;
import dev.runinvm.engine.x86.CpuState;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Puts a kernel into memory as Xen's toolstack does for a PV guest (xen/include/public/xen.h, "start of day memory
 * layout"): kernel, start_info, store and console page, page tables, boot stack, list of frames, initramfs.
 *
 * <p>Unlike there, all of RAM that the first page directory of the kernel's map reaches is mapped from the start: Linux
 * makes the map of its memory out of what it finds, and need not ask for each page.
 */
final class DomainBuilder {
    private static final long PAGE = 4096;
    /** What one page directory maps. */
    private static final long GIB = 1L << 30;
    /** Bytes of start_info's command line, with its zero. */
    static final int COMMAND_LINE_SIZE = 1024;

    private static final int SIF_MOD_START_PFN = 1 << 3;
    /** PRESENT, WRITABLE, ACCESSED, DIRTY. */
    private static final long KERNEL_PAGE = 0x63;
    /** What the kernel takes for itself beside its image and the files, by experience. */
    private static final long KERNEL_NEEDS = 64L << 20;

    private final GuestMemory memory;
    private final Vmlinux kernel;
    private final List<Path> initramfs;
    private final List<Path> disks;
    private final String commandLine;
    private final byte[] lastArchive;
    private final XenNotes notes;
    private MachineLayout layout;

    /**
     * The result.
     *
     * @param layout who owns which frames
     * @param diskStarts physical address of each disk in memory
     * @param startInfo physical address
     * @param store physical address of the xenstore ring
     * @param console physical address of the console ring
     * @param root physical address of the top-level page table
     */
    record Domain(MachineLayout layout, List<Long> diskStarts, long startInfo, long store, long console, long root) {}

    /**
     * Says what is to be loaded.
     *
     * @param lastArchive comes behind the files of the initramfs; may be empty
     */
    DomainBuilder(
            GuestMemory memory,
            Vmlinux kernel,
            List<Path> initramfs,
            byte[] lastArchive,
            List<Path> disks,
            String commandLine) {
        this.lastArchive = lastArchive;
        this.memory = memory;
        this.kernel = kernel;
        this.initramfs = initramfs;
        this.disks = disks;
        this.commandLine = commandLine;
        this.notes = XenNotes.of(kernel);
        this.layout = MachineLayout.of(memory, new MemoryDisks(List.of()));
    }

    /**
     * Loads everything and sets the boot processor's registers.
     *
     * @param storePort event channel of the xenstore ring
     * @param consolePort event channel of the console
     * @throws HostLacks if the memory is too small, the command line too long or a file cannot be read
     */
    Domain build(CpuState cpu, int storePort, int consolePort) {
        byte[] command = commandLine.getBytes(StandardCharsets.UTF_8);
        if (command.length >= COMMAND_LINE_SIZE) {
            throw new HostLacks("the kernel command line has " + command.length
                    + " bytes; a guest of technique PARA takes at most " + (COMMAND_LINE_SIZE - 1));
        }
        Payload images = Payload.ofDisks(disks);
        Payload archives = Payload.of("initramfs", initramfs, 4);
        long disksSize = images.size();
        long archivesSize = archives.size() + lastArchive.length;
        long kernelEnd = kernel.physicalEnd() + PAGE - 1 & -PAGE;
        layout = MachineLayout.of(memory, new MemoryDisks(images.sizes()));
        long p2m = (layout.pages() * 8 + PAGE - 1) / PAGE;
        long p2mFrames = p2m + (p2m + 511) / 512 + 2;
        // The list is mapped elsewhere; Linux takes away what lies below it from the kernel's map, by whole tables.
        long p2mStart = Math.min(layout.ramEnd(), GIB) - p2mFrames * PAGE & -MachineLayout.LARGE_PAGE;
        long mapped = p2mStart;
        long tables = 3 + (mapped >>> 21);
        long special = kernelEnd + (3 + tables + 1 + p2mFrames) * PAGE;
        long needed = special + KERNEL_NEEDS + archivesSize + 2 * archives.unpackedSize();
        if (layout.ramEnd() < needed) {
            long least = needed + disksSize + layout.end() - layout.disksEnd();
            throw new HostLacks("the guest's memory of " + (memory.ramSize() >> 20)
                    + " MiB is too small: this kernel with an initramfs of " + (archivesSize >> 20)
                    + " MiB and disks of " + (disksSize >> 20) + " MiB needs at least " + (least + (1 << 20) - 1 >> 20)
                    + " MiB before the first program runs");
        }
        for (Elf64.Segment s : kernel.segments()) {
            loadSegment(s);
        }
        long at = kernelEnd;
        long startInfo = at;
        long store = at + PAGE;
        long console = at + 2 * PAGE;
        long root = at + 3 * PAGE;
        long stack = root + tables * PAGE;
        long archivesStart = p2mStart - archivesSize & -PAGE;
        archives.load(memory, archivesStart);
        memory.write(archivesStart + archives.size(), lastArchive, 0, lastArchive.length);
        images.back(memory, layout.ramEnd());
        writeTables(root, mapped);
        writeP2m(root, p2mStart, p2m);
        writeHypervisorArea();
        writeStartInfo(
                startInfo,
                store,
                storePort,
                console,
                consolePort,
                root,
                tables,
                p2mStart,
                p2mFrames,
                archivesStart,
                archivesSize,
                command);
        notes.hypercallPage().ifPresent(va -> HypercallPage.write(memory, va - notes.virtBase()));
        setRegisters(cpu, startInfo, stack + PAGE, root);
        return new Domain(layout, images.starts(layout.ramEnd()), startInfo, store, console, root);
    }

    private void loadSegment(Elf64.Segment segment) {
        try {
            memory.load(kernel.elf().content(segment), segment.physical());
        } catch (IOException e) {
            throw new HostLacks("cannot load the kernel " + kernel.elf().name() + ": " + e, e);
        }
    }

    /** The kernel's map: L4, L3, L2, then L1 tables, one behind the other, as Linux expects to find them. */
    private void writeTables(long root, long mapped) {
        long l3 = root + PAGE;
        long l2 = root + 2 * PAGE;
        memory.putLong(root + 8 * (notes.virtBase() >>> 39 & 511), l3 | KERNEL_PAGE);
        memory.putLong(l3 + 8 * (notes.virtBase() >>> 30 & 511), l2 | KERNEL_PAGE);
        for (long physical = 0; physical < mapped; physical += PAGE) {
            long l1 = l2 + PAGE + (physical >>> 21) * PAGE;
            if ((physical & (1 << 21) - 1) == 0) {
                memory.putLong(l2 + 8 * (physical >>> 21), l1 | KERNEL_PAGE);
            }
            memory.putLong(l1 + 8 * (physical >>> 12 & 511), physical | KERNEL_PAGE);
        }
    }

    /** The list of frames, with tables of its own: they are given back with it. */
    private void writeP2m(long root, long start, long frames) {
        for (long pfn = 0; pfn < layout.pages(); pfn++) {
            memory.putLong(start + 8 * pfn, pfn);
        }
        long va = notes.initialP2m()
                .orElseThrow(() -> new HostLacks(kernel.elf().name()
                        + " cannot start as a Xen PV guest here: it has no ELF note XEN_ELFNOTE_INIT_P2M (Linux 3.19 and later"
                        + " do)"));
        long l1 = start + frames * PAGE;
        long l1Count = (frames + 511) / 512;
        long l2 = l1 + l1Count * PAGE;
        long l3 = l2 + PAGE;
        memory.putLong(root + 8 * (va >>> 39 & 511), l3 | KERNEL_PAGE);
        memory.putLong(l3 + 8 * (va >>> 30 & 511), l2 | KERNEL_PAGE);
        for (long i = 0; i < l1Count; i++) {
            memory.putLong(l2 + 8 * ((va >>> 21 & 511) + i), l1 + i * PAGE | KERNEL_PAGE);
        }
        for (long i = 0; i < frames; i++) {
            memory.putLong(l1 + 8 * i, start + i * PAGE | KERNEL_PAGE);
        }
    }

    private void writeHypervisorArea() {
        for (long mfn = 0; mfn < layout.m2pSize() / 8; mfn++) {
            memory.putLong(layout.m2p() + 8 * mfn, mfn < layout.pages() ? mfn : -1);
        }
        ReservedSlots.write(memory, layout);
    }

    private void writeStartInfo(
            long at,
            long store,
            int storePort,
            long console,
            int consolePort,
            long root,
            long tables,
            long p2m,
            long p2mFrames,
            long archives,
            long archivesSize,
            byte[] command) {
        byte[] magic = "xen-3.0-x86_64".getBytes(StandardCharsets.US_ASCII);
        memory.write(at, magic, 0, magic.length);
        memory.putLong(at + 32, layout.pages());
        memory.putLong(at + 40, layout.sharedInfo());
        memory.putInt(at + 48, notes.modStartPfn() ? SIF_MOD_START_PFN : 0);
        memory.putLong(at + 56, store >>> 12);
        memory.putInt(at + 64, storePort);
        memory.putLong(at + 72, console >>> 12);
        memory.putInt(at + 80, consolePort);
        memory.putLong(at + 88, virtual(root));
        memory.putLong(at + 96, tables);
        memory.putLong(at + 104, notes.initialP2m().orElse(0));
        if (archivesSize > 0) {
            memory.putLong(at + 112, notes.modStartPfn() ? archives >>> 12 : virtual(archives));
            memory.putLong(at + 120, archivesSize);
        }
        memory.write(at + 128, command, 0, command.length);
        memory.putLong(at + 1152, p2m >>> 12);
        memory.putLong(at + 1160, p2mFrames);
    }

    private long virtual(long physical) {
        return notes.virtBase() + physical;
    }

    private void setRegisters(CpuState cpu, long startInfo, long stackTop, long root) {
        List<Integer> data = new ArrayList<>(List.of(CpuState.ES, CpuState.SS, CpuState.DS, CpuState.FS, CpuState.GS));
        for (int segment : data) {
            Selectors.setFlat(cpu, segment, Selectors.KERNEL_SS);
        }
        Selectors.setFlat(cpu, CpuState.CS, Selectors.KERNEL_CS);
        cpu.cpl = 0;
        cpu.gpr[CpuState.RSI] = virtual(startInfo);
        cpu.gpr[CpuState.RSP] = virtual(stackTop);
        cpu.rip = notes.entry();
        cpu.setRflags(CpuState.FLAG_IF | 2);
        cpu.gdtrBase = ReservedSlots.GDT;
        cpu.gdtrLimit = 0xffff;
        cpu.cr0 = CpuState.CR0_PE | 1 << 1 | 1 << 4 | 1 << 5 | CpuState.CR0_WP | CpuState.CR0_PG;
        cpu.cr3 = root;
        cpu.cr4 = 1 << 5 | CpuState.CR4_OSFXSR | 1 << 10;
        cpu.efer = CpuState.EFER_LME | CpuState.EFER_LMA | CpuState.EFER_NXE | CpuState.EFER_SCE;
    }
}
