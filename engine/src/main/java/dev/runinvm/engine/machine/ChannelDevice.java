package dev.runinvm.engine.machine;

import dev.runinvm.wire.ChannelHardware;
import dev.runinvm.wire.Window;

/**
 * The hypercall channel as a PCI function. BAR 0 holds the shared window, which is guest memory and costs no exit,
 * then a page of doorbell registers:
 *
 * <pre>
 *   0  write: 1 FLUSH, 2 WAIT, 3 GOODBYE    read: "RIVM" in ASCII
 *   4                                       read: version of these registers
 *   8  write: the longest that the next WAIT may take, in ms
 * </pre>
 *
 * <p>The id pair 5256:4d01 ("VR", "M") is not in the PCI ID list and no driver of Linux binds to it; the class is
 * "unassigned". It names no hypervisor, so guests that look for one by PCI ids find none.
 */
public final class ChannelDevice extends PciFunction implements MmioDevice {
    /** Physical address of the doorbell page. */
    public static final long DOORBELL_BASE = GuestMemory.WINDOW_BASE + ChannelHardware.DOORBELL_OFFSET;
    /** What register 4 reads. */
    public static final int VERSION = 1;

    private static final int VERSION_REGISTER = 4;
    private static final int CLASS_UNASSIGNED = 0xff0000;

    private final DoorbellHandler handler;
    private int waitMillis;

    ChannelDevice(DoorbellHandler handler) {
        super("channel", ChannelHardware.VENDOR_ID, ChannelHardware.DEVICE_ID, CLASS_UNASSIGNED, VERSION);
        this.handler = handler;
        memoryBar(0, GuestMemory.WINDOW_BASE, ChannelHardware.BAR_SIZE);
        // Firmware leaves a device switched on; the guest has no driver that would.
        set(COMMAND, 2, COMMAND_MEMORY);
    }

    @Override
    public long read(long offset, int size) {
        if (!memoryEnabled()) {
            return -1;
        }
        if (offset == ChannelHardware.BELL) {
            return size == 8 ? (long) VERSION << 32 | Window.MAGIC : Window.MAGIC;
        }
        return offset == VERSION_REGISTER ? VERSION : offset == ChannelHardware.WAIT_MILLIS ? waitMillis : 0;
    }

    @Override
    public void write(long offset, int size, long value) {
        if (!memoryEnabled()) {
            return;
        }
        if (offset == ChannelHardware.WAIT_MILLIS) {
            waitMillis = (int) value;
        } else if (offset == ChannelHardware.BELL) {
            switch ((int) value) {
                case ChannelHardware.BELL_FLUSH:
                    handler.flush();
                    break;
                case ChannelHardware.BELL_WAIT:
                    handler.await(Integer.toUnsignedLong(waitMillis));
                    break;
                case ChannelHardware.BELL_GOODBYE:
                    handler.goodbye();
                    break;
                default:
                    // An unknown command is the guest's mistake and changes nothing.
                    break;
            }
        }
    }

    @Override
    public void save(StateWriter out) {
        super.save(out);
        out.putInt("waitMillis", waitMillis);
    }

    @Override
    public void load(StateReader in) {
        super.load(in);
        waitMillis = in.getInt("waitMillis");
    }
}
