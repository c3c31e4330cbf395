package dev.runinvm.engine.machine;

import org.jspecify.annotations.Nullable;

/** The 65,536 I/O ports. A port nobody claims reads all ones and swallows writes, as an ISA bus does. */
public final class PortBus {
    private static final int PORTS = 1 << 16;

    private final @Nullable PortDevice[] devices = new @Nullable PortDevice[PORTS];

    /**
     * Gives a range of ports to a device.
     *
     * @param first first port, 0 to 0xffff
     * @param count number of ports, at least 1
     * @throws IllegalArgumentException if the range is empty, leaves the port space or overlaps another device's
     */
    public void register(int first, int count, PortDevice device) {
        if (first < 0 || count < 1 || first > PORTS - count) {
            throw new IllegalArgumentException("no such ports: " + Integer.toHexString(first) + "h, " + count);
        }
        for (int port = first; port < first + count; port++) {
            if (devices[port] != null) {
                throw new IllegalArgumentException("port " + Integer.toHexString(port) + "h is taken twice");
            }
        }
        for (int port = first; port < first + count; port++) {
            devices[port] = device;
        }
    }

    /** Takes every port of a device away from it. */
    public void unregister(PortDevice device) {
        for (int port = 0; port < PORTS; port++) {
            if (devices[port] == device) {
                devices[port] = null;
            }
        }
    }

    /** IN: {@code size} is 1, 2 or 4; the value is zero-extended. The device of the first port sees the whole access. */
    public int in(int port, int size) {
        PortDevice device = devices[port & PORTS - 1];
        int mask = size == 4 ? -1 : (1 << size * 8) - 1;
        return device == null ? mask : device.in(port & PORTS - 1, size) & mask;
    }

    /** OUT: {@code size} is 1, 2 or 4; bits of the value above it are ignored. */
    public void out(int port, int size, int value) {
        PortDevice device = devices[port & PORTS - 1];
        if (device != null) {
            device.out(port & PORTS - 1, size, size == 4 ? value : value & (1 << size * 8) - 1);
        }
    }
}
