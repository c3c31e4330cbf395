package dev.runinvm.engine.machine;

import java.util.LinkedHashMap;
import java.util.Map;

/** Counts port and memory-mapped accesses per device, by standing in front of each. */
public final class ExitCounters {
    private final Map<String, Counted> counted = new LinkedHashMap<>();

    PortDevice ports(String name, PortDevice device) {
        CountedPorts c = new CountedPorts(device);
        counted.put("port." + name, c);
        return c;
    }

    MmioDevice mmio(String name, MmioDevice device) {
        CountedMmio c = new CountedMmio(device);
        counted.put("mmio." + name, c);
        return c;
    }

    /** Accesses so far, by "port." or "mmio." and the device's name. Any thread; may be some accesses behind. */
    public Map<String, Long> snapshot() {
        Map<String, Long> result = new LinkedHashMap<>();
        counted.forEach((name, c) -> result.put(name, c.count));
        return result;
    }

    private abstract static class Counted {
        /** Only the vCPU's thread writes, so a plain increment is enough. */
        long count;
    }

    private static final class CountedPorts extends Counted implements PortDevice {
        private final PortDevice device;

        CountedPorts(PortDevice device) {
            this.device = device;
        }

        @Override
        public int in(int port, int size) {
            count++;
            return device.in(port, size);
        }

        @Override
        public void out(int port, int size, int value) {
            count++;
            device.out(port, size, value);
        }
    }

    private static final class CountedMmio extends Counted implements MmioDevice {
        private final MmioDevice device;

        CountedMmio(MmioDevice device) {
            this.device = device;
        }

        @Override
        public long read(long offset, int size) {
            count++;
            return device.read(offset, size);
        }

        @Override
        public void write(long offset, int size, long value) {
            count++;
            device.write(offset, size, value);
        }
    }
}
