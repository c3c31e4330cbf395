package dev.runinvm.engine.machine;

import java.time.DateTimeException;
import java.time.LocalDateTime;
import java.time.ZoneOffset;

/**
 * The real-time clock and its battery-backed memory, a Motorola MC146818A at ports 0x70 (index, bit 7 masks NMI) and
 * 0x71 (data), interrupting through IRQ 8. It keeps UTC: {@link TimeSource#wallClockNanos()} plus what the guest set.
 */
public final class Cmos implements PortDevice, TimedDevice, Stateful {
    static final int INDEX = 0x70;
    static final int DATA = 0x71;

    private static final int SECONDS = 0x00;
    private static final int SECONDS_ALARM = 0x01;
    private static final int MINUTES = 0x02;
    private static final int MINUTES_ALARM = 0x03;
    private static final int HOURS = 0x04;
    private static final int HOURS_ALARM = 0x05;
    private static final int WEEKDAY = 0x06;
    private static final int DAY = 0x07;
    private static final int MONTH = 0x08;
    private static final int YEAR = 0x09;
    private static final int REG_A = 0x0a;
    private static final int REG_B = 0x0b;
    private static final int REG_C = 0x0c;
    private static final int REG_D = 0x0d;
    private static final int CENTURY = 0x32;

    private static final int A_UIP = 0x80;
    /** Divider bits of a running clock with a 32768 Hz crystal. */
    private static final int A_RUNNING = 0x20;

    private static final int A_DIVIDER = 0x70;
    private static final int B_SET = 0x80;
    private static final int B_BINARY = 0x04;
    private static final int B_24H = 0x02;
    private static final int C_IRQ = 0x80;
    private static final int C_PERIODIC = 0x40;
    private static final int C_ALARM = 0x20;
    private static final int C_UPDATE = 0x10;
    /** Valid RAM and time. */
    private static final int D_VALID = 0x80;

    private static final long SECOND = 1_000_000_000L;
    /** UIP rises 244 us before an update cycle, which takes 1984 us (datasheet, "Update Cycle"). */
    private static final long UIP_NANOS = 244_000 + 1_984_000;

    private static final long CRYSTAL_HZ = 32_768;

    private final TimeSource time;
    private final IrqLine irq8;
    private final byte[] ram = new byte[128];
    private int index;
    private boolean nmiMasked;
    /** The clock's time minus the host's wall clock. */
    private long offsetNanos;
    /** Second (of the clock, since 1970) up to which update and alarm flags are worked out. */
    private long seenSecond;
    /** Periods of the periodic interrupt up to which its flag is worked out. */
    private long seenPeriod;

    private long deadlineNanos = NEVER;
    private Runnable deadlineListener = () -> {};

    Cmos(TimeSource time, IrqLine irq8, long lowRamBytes) {
        this.time = time;
        this.irq8 = irq8;
        ram[REG_A] = A_RUNNING | 6;
        ram[REG_B] = B_24H;
        ram[REG_D] = (byte) D_VALID;
        // No floppy (0x10), no display and an FPU (0x14), and the memory sizes a BIOS leaves there.
        ram[0x14] = 0x02;
        word(0x15, 640);
        long extendedKiB = Math.max(0, lowRamBytes - (1 << 20)) >> 10;
        word(0x17, (int) Math.min(0xffff, extendedKiB));
        word(0x30, (int) Math.min(0xffff, extendedKiB));
        word(0x34, (int) Math.min(0xffff, Math.max(0, lowRamBytes - (16 << 20)) >> 16));
        seenSecond = clockNanos() / SECOND;
        seenPeriod = 0;
    }

    /** What to call, on the vCPU's thread, when the next deadline was worked out anew. */
    void setDeadlineListener(Runnable listener) {
        deadlineListener = listener;
    }

    private void word(int at, int value) {
        ram[at] = (byte) value;
        ram[at + 1] = (byte) (value >> 8);
    }

    /** Whether bit 7 of the index port masks NMIs. */
    public boolean nmiMasked() {
        return nmiMasked;
    }

    private long clockNanos() {
        return time.wallClockNanos() + offsetNanos;
    }

    private boolean running() {
        return (ram[REG_B] & B_SET) == 0 && (ram[REG_A] & A_DIVIDER) == A_RUNNING;
    }

    @Override
    public int in(int port, int size) {
        if (port == INDEX) {
            // Write-only on a PC.
            return 0xff;
        }
        if (port != DATA) {
            return -1;
        }
        switch (index) {
            case REG_A:
                return ram[REG_A] & 0x7f | (updating() ? A_UIP : 0);
            case REG_C:
                return readFlags();
            default:
                if (isTime(index) && running()) {
                    fillTime();
                }
                return ram[index] & 0xff;
        }
    }

    private boolean updating() {
        return running() && SECOND - Math.floorMod(clockNanos(), SECOND) <= UIP_NANOS;
    }

    private int readFlags() {
        update(time.nanos());
        int flags = ram[REG_C] & 0xff;
        ram[REG_C] = 0;
        irq8.set(false);
        schedule(time.nanos());
        return flags;
    }

    @Override
    public void out(int port, int size, int value) {
        int v = value & 0xff;
        if (port == INDEX) {
            nmiMasked = (v & 0x80) != 0;
            index = v & 0x7f;
            return;
        }
        if (port != DATA || index == REG_C || index == REG_D) {
            return;
        }
        update(time.nanos());
        if (index == REG_A) {
            ram[REG_A] = (byte) (v & 0x7f);
            seenPeriod = periods(time.nanos());
        } else if (index == REG_B) {
            writeB(v);
        } else if (isTime(index) && running()) {
            fillTime();
            ram[index] = (byte) v;
            takeTime();
        } else {
            ram[index] = (byte) v;
        }
        raise();
        schedule(time.nanos());
    }

    private void writeB(int v) {
        boolean was = (ram[REG_B] & B_SET) != 0;
        boolean is = (v & B_SET) != 0;
        if (!was && is) {
            fillTime();
            // The datasheet's SET clears the update interrupt's enable.
            v &= ~C_UPDATE;
        }
        ram[REG_B] = (byte) v;
        if (was && !is) {
            takeTime();
        }
    }

    private static boolean isTime(int i) {
        return i == SECONDS || i == MINUTES || i == HOURS || i >= WEEKDAY && i <= YEAR || i == CENTURY;
    }

    private void fillTime() {
        LocalDateTime t = LocalDateTime.ofEpochSecond(Math.floorDiv(clockNanos(), SECOND), 0, ZoneOffset.UTC);
        ram[SECONDS] = encode(t.getSecond());
        ram[MINUTES] = encode(t.getMinute());
        ram[HOURS] = encodeHour(t.getHour());
        ram[WEEKDAY] = encode(t.getDayOfWeek().getValue() % 7 + 1);
        ram[DAY] = encode(t.getDayOfMonth());
        ram[MONTH] = encode(t.getMonthValue());
        ram[YEAR] = encode(t.getYear() % 100);
        ram[CENTURY] = encode(t.getYear() / 100);
    }

    /** Makes the time in the registers the clock's; a time that does not exist leaves the clock as it was. */
    private void takeTime() {
        try {
            int year = decode(ram[CENTURY]) * 100 + decode(ram[YEAR]);
            LocalDateTime t = LocalDateTime.of(
                    year,
                    decode(ram[MONTH]),
                    decode(ram[DAY]),
                    decodeHour(ram[HOURS]),
                    decode(ram[MINUTES]),
                    decode(ram[SECONDS]));
            offsetNanos = t.toEpochSecond(ZoneOffset.UTC) * SECOND - time.wallClockNanos();
            seenSecond = clockNanos() / SECOND;
        } catch (DateTimeException e) {
            // The chip would count on from nonsense; keeping the old time is as good, and the guest's own doing.
            seenSecond = clockNanos() / SECOND;
        }
    }

    private boolean binary() {
        return (ram[REG_B] & B_BINARY) != 0;
    }

    private byte encode(int n) {
        return (byte) (binary() ? n : n / 10 << 4 | n % 10);
    }

    private int decode(byte b) {
        return binary() ? b & 0xff : (b >> 4 & 15) * 10 + (b & 15);
    }

    private byte encodeHour(int hour) {
        if ((ram[REG_B] & B_24H) != 0) {
            return encode(hour);
        }
        int twelve = hour % 12 == 0 ? 12 : hour % 12;
        return (byte) (encode(twelve) | (hour >= 12 ? 0x80 : 0));
    }

    private int decodeHour(byte b) {
        if ((ram[REG_B] & B_24H) != 0) {
            return decode(b);
        }
        return decode((byte) (b & 0x7f)) % 12 + (b < 0 ? 12 : 0);
    }

    /** Length of a periodic interrupt's period, or 0: 122 us to 500 ms by the rate bits of register A. */
    private long periodNanos() {
        int rate = ram[REG_A] & 15;
        if (rate == 0 || (ram[REG_A] & A_DIVIDER) != A_RUNNING) {
            return 0;
        }
        // Rates 1 and 2 are those of 8 and 9 with this crystal.
        int shift = rate <= 2 ? rate + 6 : rate - 1;
        return (SECOND << shift) / CRYSTAL_HZ;
    }

    private long periods(long nowNanos) {
        long period = periodNanos();
        return period == 0 ? 0 : nowNanos / period;
    }

    /** Works out the flags of register C up to now. */
    private void update(long nowNanos) {
        int flags = 0;
        long period = periods(nowNanos);
        if (period > seenPeriod) {
            flags |= C_PERIODIC;
        }
        seenPeriod = period;
        if (running()) {
            long second = clockNanos() / SECOND;
            if (second > seenSecond) {
                flags |= C_UPDATE;
                // A day holds every time of day; more need not be looked at.
                for (long s = Math.max(seenSecond + 1, second - 86_399); s <= second; s++) {
                    if (alarmMatches((int) Math.floorMod(s, 86_400L))) {
                        flags |= C_ALARM;
                        break;
                    }
                }
            }
            seenSecond = second;
        }
        if (flags != 0) {
            ram[REG_C] |= (byte) flags;
            raise();
        }
    }

    /** Whether the alarm registers name this second of the day; 0xc0 to 0xff match anything. */
    private boolean alarmMatches(int secondOfDay) {
        return matches(ram[SECONDS_ALARM], encode(secondOfDay % 60))
                && matches(ram[MINUTES_ALARM], encode(secondOfDay / 60 % 60))
                && matches(ram[HOURS_ALARM], encodeHour(secondOfDay / 3600));
    }

    private static boolean matches(byte alarm, byte value) {
        return (alarm & 0xc0) == 0xc0 || alarm == value;
    }

    /** IRQ 8 is up while a flag and its enable (same bit in register B) are. */
    private void raise() {
        if ((ram[REG_C] & ram[REG_B] & (C_PERIODIC | C_ALARM | C_UPDATE)) != 0) {
            ram[REG_C] |= (byte) C_IRQ;
            irq8.set(true);
        }
    }

    /** The next time at which an enabled interrupt might come; none while IRQ 8 is up already. */
    private void schedule(long nowNanos) {
        deadlineNanos = deadline(nowNanos);
        deadlineListener.run();
    }

    private long deadline(long nowNanos) {
        if ((ram[REG_C] & C_IRQ) != 0) {
            return NEVER;
        }
        long next = NEVER;
        long period = periodNanos();
        if ((ram[REG_B] & C_PERIODIC) != 0 && period != 0) {
            next = (nowNanos / period + 1) * period;
        }
        if ((ram[REG_B] & (C_UPDATE | C_ALARM)) != 0 && running()) {
            long toSecond = SECOND - Math.floorMod(clockNanos(), SECOND);
            next = Math.min(next, nowNanos + toSecond);
        }
        return next;
    }

    @Override
    public long nextDeadlineNanos() {
        return deadlineNanos;
    }

    @Override
    public void advance(long nowNanos) {
        if (nowNanos >= deadlineNanos) {
            update(nowNanos);
            schedule(nowNanos);
        }
    }

    @Override
    public void save(StateWriter out) {
        out.section("cmos", 1);
        out.putBytes("ram", ram);
        out.putInt("index", index);
        out.putBoolean("nmiMasked", nmiMasked);
        out.putLong("offsetNanos", offsetNanos);
        out.putLong("seenSecond", seenSecond);
        out.putLong("seenPeriod", seenPeriod);
        out.putLong("deadlineNanos", deadlineNanos);
    }

    @Override
    public void load(StateReader in) {
        in.section("cmos", 1);
        in.getBytes("ram", ram);
        index = in.getInt("index") & 0x7f;
        nmiMasked = in.getBoolean("nmiMasked");
        offsetNanos = in.getLong("offsetNanos");
        seenSecond = in.getLong("seenSecond");
        seenPeriod = in.getLong("seenPeriod");
        deadlineNanos = in.getLong("deadlineNanos");
    }
}
