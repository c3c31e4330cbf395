package dev.runinvm.engine.machine;

/**
 * Port 0x92 (A20, fast reset) and what is left of a keyboard controller at 0x60/0x64: its reset pulse.
 *
 * <p>The controller's output buffer reads as full for ever, which operating systems take within a millisecond for "no
 * controller"; one that answered would make them wait a second for a keyboard nobody has. Its input buffer is always
 * empty, so those that reset through it need not wait.
 */
public final class SystemControl implements PortDevice, Stateful {
    static final int KEYBOARD_DATA = 0x60;
    static final int KEYBOARD_COMMAND = 0x64;
    static final int PORT_A = 0x92;

    /** Output buffer full, system flag, not locked. */
    private static final int STATUS = 0x15;

    private static final int WRITE_OUTPUT_PORT = 0xd1;

    private final ResetControl reset;
    private boolean a20 = true;
    private boolean outputPortFollows;

    SystemControl(ResetControl reset) {
        this.reset = reset;
    }

    @Override
    public int in(int port, int size) {
        switch (port) {
            case PORT_A:
                return a20 ? 0x02 : 0;
            case KEYBOARD_COMMAND:
                return STATUS;
            case KEYBOARD_DATA:
                return 0;
            default:
                return -1;
        }
    }

    @Override
    public void out(int port, int size, int value) {
        switch (port) {
            case PORT_A:
                a20 = (value & 0x02) != 0;
                if ((value & 0x01) != 0) {
                    reset.request("fast reset (port 0x92)");
                }
                break;
            case KEYBOARD_COMMAND:
                outputPortFollows = (value & 0xff) == WRITE_OUTPUT_PORT;
                // 0xf0 to 0xff pulse the output port's bits that are 0 in the command; bit 0 is the CPU's reset.
                if ((value & 0xf1) == 0xf0) {
                    reset.request("keyboard controller (port 0x64)");
                }
                break;
            case KEYBOARD_DATA:
                if (outputPortFollows) {
                    outputPortFollows = false;
                    a20 = (value & 0x02) != 0;
                    if ((value & 0x01) == 0) {
                        reset.request("keyboard controller's output port (port 0x60)");
                    }
                }
                break;
            default:
                break;
        }
    }

    @Override
    public void save(StateWriter out) {
        out.section("system-control", 2);
        out.putBoolean("a20", a20);
        out.putBoolean("outputPortFollows", outputPortFollows);
    }

    @Override
    public void load(StateReader in) {
        in.section("system-control", 2);
        a20 = in.getBoolean("a20");
        outputPortFollows = in.getBoolean("outputPortFollows");
    }
}
