package dev.runinvm.agent;

import dev.runinvm.wire.ChannelHardware;
import dev.runinvm.wire.Window;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/** The channel's PCI function, mapped through sysfs: no driver, no native code. A store to the doorbell leaves the guest. */
final class PciDoorbell implements Doorbell {
    private static final VarHandle INT = MethodHandles.byteBufferViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

    private final ByteBuffer bar;

    private PciDoorbell(ByteBuffer bar) {
        this.bar = bar;
    }

    /**
     * Finds, enables and maps the function.
     *
     * @param devices normally /sys/bus/pci/devices
     * @throws IOException if there is none, naming what was seen, or it cannot be mapped
     */
    static PciDoorbell open(Path devices) throws IOException {
        Path device = find(devices);
        Files.writeString(device.resolve("enable"), "1");
        Path resource = device.resolve("resource0");
        try (FileChannel file = FileChannel.open(resource, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            int length = ChannelHardware.DOORBELL_OFFSET + ChannelHardware.DOORBELL_SIZE;
            if (file.size() < length) {
                throw new IOException(resource + " has " + file.size() + " bytes; the channel takes " + length);
            }
            return new PciDoorbell(file.map(FileChannel.MapMode.READ_WRITE, 0, length));
        }
    }

    private static Path find(Path devices) throws IOException {
        List<String> seen = new ArrayList<>();
        try (DirectoryStream<Path> all = Files.newDirectoryStream(devices)) {
            for (Path device : all) {
                int vendor = hex(device.resolve("vendor"));
                int id = hex(device.resolve("device"));
                if (vendor == ChannelHardware.VENDOR_ID && id == ChannelHardware.DEVICE_ID) {
                    return device;
                }
                seen.add(String.format("%s=%04x:%04x", device.getFileName(), vendor, id));
            }
        }
        throw new IOException(String.format(
                "no PCI function %04x:%04x, the channel to the host, among %s",
                ChannelHardware.VENDOR_ID, ChannelHardware.DEVICE_ID, seen));
    }

    private static int hex(Path file) {
        try {
            return Integer.decode(Files.readString(file).trim());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    ByteBuffer window() {
        return bar.duplicate().position(0).limit(Window.SIZE).slice();
    }

    private void store(int register, int value) {
        INT.setVolatile(bar, ChannelHardware.DOORBELL_OFFSET + register, value);
    }

    @Override
    public void flush() {
        store(ChannelHardware.BELL, ChannelHardware.BELL_FLUSH);
    }

    @Override
    public synchronized void await(int millis) {
        store(ChannelHardware.WAIT_MILLIS, millis);
        store(ChannelHardware.BELL, ChannelHardware.BELL_WAIT);
    }

    @Override
    public void goodbye() {
        store(ChannelHardware.BELL, ChannelHardware.BELL_GOODBYE);
    }
}
