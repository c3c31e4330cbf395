package dev.runinvm.engine.para;

import dev.runinvm.engine.machine.GuestMemory;
import dev.runinvm.engine.machine.StateReader;
import dev.runinvm.engine.machine.StateWriter;
import dev.runinvm.engine.machine.Stateful;
import dev.runinvm.engine.x86.Cpu;

/**
 * The guest's grant table, version 1 (xen/include/public/grant_table.h): what of its pages our back ends may use. They
 * look an entry up each time they use it; the guest maps no grants of others.
 */
final class GrantTables implements Stateful {
    private static final int SETUP_TABLE = 2;
    private static final int QUERY_SIZE = 6;
    private static final int SET_VERSION = 8;
    private static final int GET_VERSION = 10;

    private static final int GENERAL_ERROR = -1;
    private static final int ENTRY_SIZE = 8;
    private static final int ENTRIES = MachineLayout.GRANT_FRAMES * 4096 / ENTRY_SIZE;
    private static final int PERMIT_ACCESS = 1;
    private static final int TYPE_MASK = 3;
    private static final int READ_ONLY = 1 << 2;

    private final GuestMemory memory;
    private final MachineLayout layout;
    private int frames = 1;

    GrantTables(GuestMemory memory, MachineLayout layout) {
        this.memory = memory;
        this.layout = layout;
    }

    void register(Hypercalls calls) {
        calls.register(Hypercalls.GRANT_TABLE_OP, "grant_table_op", this::grantTableOp);
    }

    /** grant_table_op(command, operations, count). */
    private long grantTableOp(Cpu cpu, long[] a) {
        long at = a[1];
        long count = a[2] & 0xffff_ffffL;
        switch ((int) a[0]) {
            case SETUP_TABLE -> {
                if (count != 1) {
                    throw XenError.invalid();
                }
                setupTable(cpu, at);
            }
            case QUERY_SIZE -> {
                cpu.mmu.probe(at, 16, true);
                cpu.mmu.write32(at + 4, frames);
                cpu.mmu.write32(at + 8, MachineLayout.GRANT_FRAMES);
                cpu.mmu.write16(at + 12, 0);
            }
            case SET_VERSION -> {
                if (cpu.mmu.read32(at) != 1) {
                    throw XenError.notImplemented();
                }
                cpu.mmu.write32(at, 1);
            }
            case GET_VERSION -> cpu.mmu.write32(at + 4, 1);
            default -> throw XenError.notImplemented(); // there is nobody whose grants it could map
        }
        return 0;
    }

    /** {dom, frames, status, list}. */
    private void setupTable(Cpu cpu, long at) {
        long wanted = cpu.mmu.read32(at + 4);
        long list = cpu.mmu.read64(at + 16);
        if (wanted > MachineLayout.GRANT_FRAMES) {
            cpu.mmu.write16(at + 8, GENERAL_ERROR & 0xffff);
            return;
        }
        for (int i = 0; i < wanted; i++) {
            cpu.mmu.write64(list + 8L * i, layout.grantFrame(i) >>> 12);
        }
        frames = Math.max(frames, (int) wanted);
        cpu.mmu.write16(at + 8, 0);
    }

    /**
     * The page a reference grants.
     *
     * @param write it is to be written
     * @return physical address, or -1 if the reference grants no such thing
     */
    long page(int reference, boolean write) {
        if (reference < 0 || reference >= ENTRIES) {
            return -1;
        }
        int perFrame = 4096 / ENTRY_SIZE;
        long at = layout.grantFrame(reference / perFrame) + (long) (reference % perFrame) * ENTRY_SIZE;
        int flags = memory.getShort(at) & 0xffff;
        long frame = memory.getInt(at + 4) & 0xffff_ffffL;
        boolean granted = (flags & TYPE_MASK) == PERMIT_ACCESS
                && memory.getShort(at + 2) == 0
                && (!write || (flags & READ_ONLY) == 0);
        return granted && layout.isRam(frame << 12) ? frame << 12 : -1;
    }

    @Override
    public void save(StateWriter out) {
        out.section("grant-tables", 1);
        out.putInt("frames", frames);
    }

    @Override
    public void load(StateReader in) {
        in.section("grant-tables", 1);
        frames = in.getInt("frames");
    }
}
