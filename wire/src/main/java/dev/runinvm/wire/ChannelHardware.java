package dev.runinvm.wire;

/**
 * What the guest sees of the channel on the PCI bus: one function with one memory BAR of {@link #BAR_SIZE} bytes, the
 * window of {@link Window#SIZE} bytes first, the doorbell registers in the page after it.
 */
public final class ChannelHardware {
    /** PCI vendor id. Not one of a hypervisor: tools in the guest that look for those find none. */
    public static final int VENDOR_ID = 0x5256;
    /** PCI device id. */
    public static final int DEVICE_ID = 0x4d01;
    /** Bytes of BAR 0; a power of two, as PCI wants. */
    public static final int BAR_SIZE = 2 << 20;

    /** Offset of the doorbell page in the BAR. */
    public static final int DOORBELL_OFFSET = Window.SIZE;
    /** Bytes of the doorbell page. */
    public static final int DOORBELL_SIZE = 4096;
    /** Register of the doorbell page, 32 bits, write only: one of the {@code BELL_} values. */
    public static final int BELL = 0;
    /** Register of the doorbell page, 32 bits, write only: the longest that the next {@link #BELL_WAIT} may take, in ms. */
    public static final int WAIT_MILLIS = 8;

    /** Guest wrote frames; the host drains the guest's ring before the store completes. */
    public static final int BELL_FLUSH = 1;
    /** As {@link #BELL_FLUSH}, then the store takes until the host's ring has bytes or the time is over. */
    public static final int BELL_WAIT = 2;
    /** The agent ends in order; nothing more follows. */
    public static final int BELL_GOODBYE = 3;

    private ChannelHardware() {}
}
