package dev.runinvm.engine.machine;

/**
 * The two 8237 DMA controllers with their page registers, and the POST code at port 0x80. No device uses DMA: the
 * registers keep what is written and no transfer ever runs.
 */
public final class LegacyDma implements PortDevice, Stateful {
    static final int CONTROLLER1 = 0x00;
    static final int CONTROLLER1_PORTS = 0x10;
    static final int PAGES = 0x80;
    static final int PAGES_PORTS = 0x10;
    static final int CONTROLLER2 = 0xc0;
    static final int CONTROLLER2_PORTS = 0x20;
    private static final int STATUS1 = 0x08;
    private static final int STATUS2 = 0xd0;
    private static final int POST = 0x80;

    private final byte[] registers = new byte[0x100];

    /** The byte last written to port 0x80. */
    public int postCode() {
        return registers[POST] & 0xff;
    }

    @Override
    public int in(int port, int size) {
        // No channel has reached its count and none has a request.
        return port == STATUS1 || port == STATUS2 ? 0 : registers[port & 0xff] & 0xff;
    }

    @Override
    public void out(int port, int size, int value) {
        registers[port & 0xff] = (byte) value;
    }

    @Override
    public void save(StateWriter out) {
        out.section("legacy-dma", 1);
        out.putBytes("registers", registers);
    }

    @Override
    public void load(StateReader in) {
        in.section("legacy-dma", 1);
        in.getBytes("registers", registers);
    }
}
