package dev.runinvm.engine.para;

import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.machine.GuestMemory;
import dev.runinvm.engine.machine.StateReader;
import dev.runinvm.engine.machine.StateWriter;
import dev.runinvm.engine.machine.Stateful;
import dev.runinvm.engine.machine.TimeSource;

/**
 * The page shared with the guest, and the one virtual CPU's part of it, which the guest may move into memory of its own
 * (xen/include/public/xen.h: shared_info, vcpu_info).
 */
final class SharedInfo implements Stateful {
    /** Event channels of the 2-level interface. */
    static final int PORTS = 4096;

    private static final int PENDING = 2048;
    private static final int MASK = 2560;
    private static final int WALL_CLOCK = 3072;

    private static final int UPCALL_PENDING = 0;
    private static final int UPCALL_MASK = 1;
    private static final int PENDING_SELECTORS = 8;
    private static final int CR2 = 16;
    private static final int TIME = 32;
    private static final int VCPU_INFO_SIZE = 64;

    /** The counter runs at one rate and is the same everywhere (XEN_PVCLOCK_TSC_STABLE_BIT). */
    private static final int TSC_STABLE = 1;

    private final GuestMemory memory;
    private final TimeSource time;
    private final long page;
    private long vcpu;
    /** Where the guest has vcpu_time_info besides, physical; 0 if nowhere. */
    private long timeArea;
    /** A reading of the counter, and the system time then. */
    private long tscOrigin;

    private long systemOrigin;
    private final int tscMultiplier;
    private final int tscShift;

    SharedInfo(GuestMemory memory, long page, TimeSource time) {
        this.memory = memory;
        this.time = time;
        this.page = page;
        this.vcpu = page;
        this.tscOrigin = time.tsc();
        // nanoseconds = (ticks << shift) * multiplier >> 32, with the multiplier's highest bit set
        int shift = 0;
        long hz = time.tscHz();
        while (hz > 2_000_000_000L) {
            hz >>= 1;
            shift--;
        }
        while (hz <= 1_000_000_000L) {
            hz <<= 1;
            shift++;
        }
        this.tscShift = shift;
        this.tscMultiplier = (int) Long.divideUnsigned(1_000_000_000L << 32, hz);
    }

    /** Fills the page in for a guest that is to boot. */
    void begin() {
        memory.putByte(vcpu + UPCALL_MASK, (byte) 1);
        writeTime(vcpu + TIME);
        writeWallClock();
    }

    /** Has clocks go on where they stood when the guest was written down, and the wall clock be right. */
    void resume() {
        writeTime(vcpu + TIME);
        if (timeArea != 0) {
            writeTime(timeArea);
        }
        writeWallClock();
    }

    /**
     * The guest's system time: nanoseconds it has lived, without those in a snapshot, exactly as the guest computes it from
     * the counter.
     */
    long systemTime() {
        long ticks = time.tsc() - tscOrigin;
        long shifted = tscShift < 0 ? ticks >> -tscShift : ticks << tscShift;
        return systemOrigin
                + (Math.multiplyHigh(shifted, tscMultiplier & 0xffff_ffffL) << 32
                        | (shifted * (tscMultiplier & 0xffff_ffffL)) >>> 32);
    }

    /** Writes vcpu_time_info at a physical address. */
    void writeTime(long at) {
        int version = memory.getInt(at) & ~1;
        memory.putInt(at, version + 1);
        memory.putLong(at + 8, tscOrigin);
        memory.putLong(at + 16, systemOrigin);
        memory.putInt(at + 24, tscMultiplier);
        memory.putByte(at + 28, (byte) tscShift);
        memory.putByte(at + 29, (byte) TSC_STABLE);
        memory.putInt(at, version + 2);
    }

    /**
     * VCPUOP_register_vcpu_time_memory_area: a second place for vcpu_time_info.
     *
     * @param physical 32 bytes within a page of RAM; 0 to have none
     */
    void setTimeArea(long physical) {
        timeArea = physical;
    }

    /** vcpu_time_info as it is, 32 bytes. */
    byte[] timeInfo() {
        byte[] info = new byte[32];
        memory.read(vcpu + TIME, info, 0, info.length);
        return info;
    }

    /** Wall clock at system time 0. */
    private void writeWallClock() {
        long boot = time.wallClockNanos() - systemTime();
        int version = memory.getInt(page + WALL_CLOCK) & ~1;
        memory.putInt(page + WALL_CLOCK, version + 1);
        long seconds = boot / 1_000_000_000L;
        memory.putInt(page + WALL_CLOCK + 4, (int) seconds);
        memory.putInt(page + WALL_CLOCK + 8, (int) (boot % 1_000_000_000L));
        memory.putInt(page + WALL_CLOCK + 12, (int) (seconds >>> 32));
        memory.putInt(page + WALL_CLOCK, version + 2);
    }

    /**
     * VCPUOP_register_vcpu_info: moves vcpu_info; what was pending stays so.
     *
     * @param physical where it is from now on, 64 bytes within a page of RAM
     */
    void moveVcpuInfo(long physical) {
        byte[] info = new byte[VCPU_INFO_SIZE];
        memory.read(vcpu, info, 0, info.length);
        memory.write(physical, info, 0, info.length);
        vcpu = physical;
        // whatever was raised meanwhile is looked for anew, as Xen does
        memory.putByte(vcpu + UPCALL_PENDING, (byte) 1);
        memory.putLong(vcpu + PENDING_SELECTORS, -1);
    }

    boolean upcallPending() {
        return memory.getByte(vcpu + UPCALL_PENDING) != 0;
    }

    /** The byte with which the guest masks all events. */
    int upcallMask() {
        return memory.getByte(vcpu + UPCALL_MASK) & 0xff;
    }

    void setUpcallMask(int value) {
        memory.putByte(vcpu + UPCALL_MASK, (byte) value);
    }

    void setCr2(long address) {
        memory.putLong(vcpu + CR2, address);
    }

    /** Whether an event is to be delivered now. */
    boolean deliverable() {
        return memory.getByte(vcpu + UPCALL_PENDING) != 0 && memory.getByte(vcpu + UPCALL_MASK) == 0;
    }

    private boolean testAndSet(long bitmap, int bit) {
        long at = page + bitmap + 8L * (bit >> 6);
        long old = memory.getLong(at);
        memory.putLong(at, old | 1L << bit);
        return (old & 1L << bit) != 0;
    }

    private boolean test(long bitmap, int bit) {
        return (memory.getLong(page + bitmap + 8L * (bit >> 6)) & 1L << bit) != 0;
    }

    /** Sets an event channel pending; the guest is told unless it masks the channel. */
    void setPending(int port) {
        if (!testAndSet(PENDING, port) && !test(MASK, port)) {
            select(port);
        }
    }

    private void select(int port) {
        long at = vcpu + PENDING_SELECTORS;
        long old = memory.getLong(at);
        long bit = 1L << (port >> 6);
        memory.putLong(at, old | bit);
        if ((old & bit) == 0) {
            memory.putByte(vcpu + UPCALL_PENDING, (byte) 1);
        }
    }

    boolean isPending(int port) {
        return test(PENDING, port);
    }

    void clearPending(int port) {
        long at = page + PENDING + 8L * (port >> 6);
        memory.putLong(at, memory.getLong(at) & ~(1L << port));
    }

    boolean isMasked(int port) {
        return test(MASK, port);
    }

    /** EVTCHNOP_unmask. */
    void unmask(int port) {
        long at = page + MASK + 8L * (port >> 6);
        long old = memory.getLong(at);
        memory.putLong(at, old & ~(1L << port));
        if ((old & 1L << port) != 0 && test(PENDING, port)) {
            select(port);
        }
    }

    @Override
    public void save(StateWriter out) {
        out.section("shared-info", 1);
        out.putLong("vcpu", vcpu);
        out.putLong("timeArea", timeArea);
        out.putLong("systemTime", systemTime());
    }

    @Override
    public void load(StateReader in) {
        in.section("shared-info", 1);
        vcpu = place(in.getLong("vcpu"));
        timeArea = place(in.getLong("timeArea"));
        systemOrigin = in.getLong("systemTime");
        tscOrigin = time.tsc();
    }

    private long place(long physical) {
        if (!memory.isMemory(physical) || !memory.isMemory(physical + VCPU_INFO_SIZE - 1)) {
            throw new HostLacks("the saved state puts vcpu_info or vcpu_time_info at 0x" + Long.toHexString(physical)
                    + ", where the guest has no memory");
        }
        return physical;
    }
}
