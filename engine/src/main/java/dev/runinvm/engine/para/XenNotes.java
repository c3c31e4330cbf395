package dev.runinvm.engine.para;

import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.boot.Vmlinux;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.OptionalLong;

/**
 * What a kernel says of itself in its Xen ELF notes (xen/include/public/elfnote.h).
 *
 * @param entry virtual address of its first instruction
 * @param virtBase virtual address of physical address 0
 * @param hypercallPage virtual address of a page to be filled with the way into the hypervisor; kernels since the fixes
 *     of XSA-466 have none
 * @param initialP2m virtual address for the list of frames; without, it is mapped with the kernel
 * @param modStartPfn the initramfs is named by its frame and need not be mapped
 */
record XenNotes(long entry, long virtBase, OptionalLong hypercallPage, OptionalLong initialP2m, boolean modStartPfn) {
    private static final String OWNER = "Xen";
    private static final int ENTRY = 1;
    private static final int HYPERCALL_PAGE = 2;
    private static final int VIRT_BASE = 3;
    private static final int PADDR_OFFSET = 4;
    private static final int INIT_P2M = 15;
    private static final int MOD_START_PFN = 16;

    /**
     * Reads them.
     *
     * @throws HostLacks if the kernel cannot start as a Xen PV guest
     */
    static XenNotes of(Vmlinux kernel) {
        long entry = number(kernel, ENTRY)
                .orElseThrow(() -> new HostLacks(kernel.elf().name() + " cannot start as a Xen PV guest: it has no ELF"
                        + " note XEN_ELFNOTE_ENTRY; technique PARA needs a kernel with CONFIG_XEN_PV"));
        long virtBase = number(kernel, VIRT_BASE).orElse(0);
        if (virtBase >= 0 || number(kernel, PADDR_OFFSET).orElse(0) != 0) {
            throw new HostLacks(kernel.elf().name() + " cannot start as a Xen PV guest: its ELF notes put physical"
                    + " address 0 at 0x" + Long.toHexString(virtBase) + ", which only 32-bit kernels do");
        }
        return new XenNotes(
                entry,
                virtBase,
                number(kernel, HYPERCALL_PAGE),
                number(kernel, INIT_P2M),
                number(kernel, MOD_START_PFN).orElse(0) != 0);
    }

    private static OptionalLong number(Vmlinux kernel, int type) {
        return kernel.note(OWNER, type).map(n -> value(n.description())).orElse(OptionalLong.empty());
    }

    private static OptionalLong value(byte[] bytes) {
        ByteBuffer b = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        return switch (bytes.length) {
            case 4 -> OptionalLong.of(b.getInt() & 0xffff_ffffL);
            case 8 -> OptionalLong.of(b.getLong());
            default -> {
                String text = new String(bytes, StandardCharsets.US_ASCII).trim();
                yield text.equals("yes") ? OptionalLong.of(1) : OptionalLong.empty();
            }
        };
    }
}
