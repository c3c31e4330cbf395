package dev.runinvm.engine.machine;

/** Port 0x61 of a PC: timer 2's gate and output, the speaker, the toggle of memory refresh. */
public final class TimerGatePort implements PortDevice, Stateful {
    static final int PORT = 0x61;

    private static final int GATE2 = 0x01;
    private static final int SPEAKER = 0x02;
    private static final int REFRESH = 0x10;
    private static final int OUT2 = 0x20;
    /** Memory is refreshed every 18 ticks of the timer's clock, and each time the bit flips. */
    private static final long REFRESH_TICKS = 18;

    private final TimeSource time;
    private final Pit8254 pit;
    /** Bits 1 to 3; the gate, bit 0, is the timer's. */
    private int bits;

    TimerGatePort(TimeSource time, Pit8254 pit) {
        this.time = time;
        this.pit = pit;
    }

    @Override
    public int in(int port, int size) {
        return bits
                | (pit.gate2() ? GATE2 : 0)
                | ((Pit8254.ticks(time.nanos()) / REFRESH_TICKS & 1) != 0 ? REFRESH : 0)
                | (pit.output2() ? OUT2 : 0);
    }

    @Override
    public void out(int port, int size, int value) {
        bits = value & (0x0c | SPEAKER);
        pit.setGate2((value & GATE2) != 0);
    }

    @Override
    public void save(StateWriter out) {
        out.section("timer-gate", 1);
        out.putInt("bits", bits);
    }

    @Override
    public void load(StateReader in) {
        in.section("timer-gate", 1);
        bits = in.getInt("bits");
    }
}
