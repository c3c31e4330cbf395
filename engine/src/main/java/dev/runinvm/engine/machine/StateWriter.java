package dev.runinvm.engine.machine;

import java.io.DataOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;

/**
 * Writes the state of devices: a section per device with a name and a version, in it named fields in a fixed order.
 * Names are in the data so that a mismatch is noticed where it happens and not three fields later.
 */
public final class StateWriter {
    static final char INT = 'I';
    static final char LONG = 'J';
    static final char BYTES = 'B';
    static final char SECTION = 'S';

    private final DataOutputStream out;

    /** Writes to a stream, which stays the caller's to flush and close. */
    public StateWriter(OutputStream out) {
        this.out = new DataOutputStream(out);
    }

    /** Starts the section of a device; {@code version} grows whenever its fields change. */
    public void section(String name, int version) {
        put(SECTION, name, () -> out.writeInt(version));
    }

    public void putInt(String name, int value) {
        put(INT, name, () -> out.writeInt(value));
    }

    public void putBoolean(String name, boolean value) {
        putInt(name, value ? 1 : 0);
    }

    public void putLong(String name, long value) {
        put(LONG, name, () -> out.writeLong(value));
    }

    public void putBytes(String name, byte[] value) {
        put(BYTES, name, () -> {
            out.writeInt(value.length);
            out.write(value);
        });
    }

    private interface Body {
        void write() throws IOException;
    }

    private void put(char type, String name, Body body) {
        try {
            out.writeByte(type);
            out.writeUTF(name);
            body.write();
        } catch (IOException e) {
            throw new UncheckedIOException("cannot write the state of the machine (" + name + ")", e);
        }
    }
}
