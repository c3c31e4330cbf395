package dev.runinvm.engine.machine;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Devices behind physical addresses outside memory. An address nobody claims reads all ones and swallows writes, as a
 * PCI master abort does.
 */
public final class MmioBus {
    private record Region(long base, long size, MmioDevice device) {
        boolean holds(long physical) {
            return physical >= base && physical - base < size;
        }
    }

    private final List<Region> regions = new ArrayList<>();
    private @Nullable Region last;

    /**
     * Gives a region to a device.
     *
     * @param base physical address
     * @param size bytes, at least 1
     * @throws IllegalArgumentException if the region is empty or overlaps another
     */
    public void register(long base, long size, MmioDevice device) {
        if (base < 0 || size < 1 || base > Long.MAX_VALUE - size) {
            throw new IllegalArgumentException("not a region: 0x" + Long.toHexString(base) + ", " + size + " bytes");
        }
        for (Region region : regions) {
            if (base < region.base + region.size && region.base < base + size) {
                throw new IllegalArgumentException("two devices at physical address 0x" + Long.toHexString(base));
            }
        }
        regions.add(new Region(base, size, device));
    }

    /** Takes every region of a device away from it, as when its BAR is moved. */
    public void unregister(MmioDevice device) {
        regions.removeIf(region -> region.device == device);
        last = null;
    }

    /**
     * A load of 1, 2, 4 or 8 bytes.
     *
     * @return the value, zero-extended; all ones where no device is, or where the access leaves the device's region
     */
    public long read(long physical, int size) {
        Region region = find(physical);
        long mask = size == 8 ? -1L : (1L << size * 8) - 1;
        if (region == null || physical - region.base > region.size - size) {
            return mask;
        }
        return region.device.read(physical - region.base, size) & mask;
    }

    /** A store of 1, 2, 4 or 8 bytes; lost where no device is. */
    public void write(long physical, int size, long value) {
        Region region = find(physical);
        if (region != null && physical - region.base <= region.size - size) {
            region.device.write(physical - region.base, size, size == 8 ? value : value & (1L << size * 8) - 1);
        }
    }

    private @Nullable Region find(long physical) {
        Region recent = last;
        if (recent != null && recent.holds(physical)) {
            return recent;
        }
        for (Region region : regions) {
            if (region.holds(physical)) {
                last = region;
                return region;
            }
        }
        return null;
    }
}
