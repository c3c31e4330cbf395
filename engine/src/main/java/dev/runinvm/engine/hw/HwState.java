package dev.runinvm.engine.hw;

import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.channel.WindowChannel;
import dev.runinvm.engine.machine.GuestMemory;
import dev.runinvm.engine.machine.StateReader;
import dev.runinvm.engine.machine.StateWriter;
import dev.runinvm.engine.snapshot.SnapshotFile;
import dev.runinvm.engine.snapshot.SnapshotWriter;
import dev.runinvm.engine.snapshot.StateHeader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/**
 * What a snapshot of an HW guest holds beside its memory: header, console, channel, processors, devices, in this order. The guest's
 * time-stamp counter is its own and stands still while it is in a file.
 */
final class HwState {
    private final StateReader in;
    private final StateHeader header;
    private final byte[] console;

    private HwState(StateReader in, StateHeader header, byte[] console) {
        this.in = in;
        this.header = header;
        this.console = console;
    }

    /** Writes a snapshot; the guest stands still. */
    static long write(
            Path file,
            StateHeader header,
            byte[] console,
            GuestMemory memory,
            WindowChannel channel,
            HwHardware hardware) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        StateWriter out = new StateWriter(bytes);
        header.save(out);
        out.putBytes("console", console);
        channel.save(out);
        hardware.save(out);
        hardware.collectWrittenPages();
        try {
            return SnapshotWriter.write(file, memory, bytes.toByteArray());
        } catch (IOException e) {
            throw new HostLacks("cannot write the snapshot " + file + ": " + e, e);
        }
    }

    /** Reads the part that the rest depends on. */
    static HwState open(SnapshotFile file) {
        StateReader in = new StateReader(new ByteArrayInputStream(file.state()));
        StateHeader header = StateHeader.load(in);
        return new HwState(in, header, StateHeader.understood(() -> in.getBytes("console")));
    }

    StateHeader header() {
        return header;
    }

    /** What its console had shown by then. */
    byte[] console() {
        return console.clone();
    }

    WindowChannel channel(ByteBuffer window) {
        return StateHeader.understood(() -> WindowChannel.restore(window, in));
    }

    /** Sets processors and devices. */
    void restore(HwHardware hardware) {
        header.requireFrequency(hardware.time().tscHz());
        StateHeader.understood(() -> {
            hardware.load(in);
            return hardware;
        });
    }
}
