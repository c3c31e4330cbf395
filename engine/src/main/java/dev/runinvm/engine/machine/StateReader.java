package dev.runinvm.engine.machine;

import dev.runinvm.engine.HostLacks;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;

/** Reads what {@link StateWriter} wrote, in the same order, and checks every name and type on the way. */
public final class StateReader {
    private static final int BYTES_LIMIT = 1 << 28;

    private final DataInputStream in;
    private String section = "";

    public StateReader(InputStream in) {
        this.in = new DataInputStream(in);
    }

    /**
     * Enters the section of a device.
     *
     * @param newest the newest version this engine understands
     * @return the version found, 1 to {@code newest}
     */
    public int section(String name, int newest) {
        section = name;
        expect(StateWriter.SECTION, name);
        int version = read(name, in::readInt);
        if (version < 1 || version > newest) {
            throw broken("version " + version + " of " + name + ", this engine knows 1 to " + newest);
        }
        return version;
    }

    public int getInt(String name) {
        expect(StateWriter.INT, name);
        return read(name, in::readInt);
    }

    public boolean getBoolean(String name) {
        int value = getInt(name);
        if (value != 0 && value != 1) {
            throw broken(name + " is " + value + ", not 0 or 1");
        }
        return value == 1;
    }

    public long getLong(String name) {
        expect(StateWriter.LONG, name);
        return read(name, in::readLong);
    }

    public byte[] getBytes(String name) {
        expect(StateWriter.BYTES, name);
        int length = read(name, in::readInt);
        if (length < 0 || length > BYTES_LIMIT) {
            throw broken(name + " claims " + length + " bytes");
        }
        byte[] value = read(name, () -> in.readNBytes(length));
        if (value.length != length) {
            throw broken("it ends inside " + name);
        }
        return value;
    }

    /** Reads bytes into an array of exactly that length. */
    public void getBytes(String name, byte[] target) {
        byte[] value = getBytes(name);
        if (value.length != target.length) {
            throw broken(name + " has " + value.length + " bytes instead of " + target.length);
        }
        System.arraycopy(value, 0, target, 0, value.length);
    }

    private void expect(char type, String name) {
        int foundType = read(name, in::readUnsignedByte);
        String found = read(name, in::readUTF);
        if (foundType != type || !found.equals(name)) {
            throw broken("found field '" + found + "' where '" + name + "' belongs");
        }
    }

    private interface Source<T> {
        T read() throws IOException;
    }

    private <T> T read(String name, Source<T> source) {
        try {
            return source.read();
        } catch (IOException e) {
            throw new HostLacks(
                    "the saved state of the machine cannot be read at " + section + "." + name + ": " + e.getMessage()
                            + "; make the snapshot anew",
                    e);
        }
    }

    private HostLacks broken(String what) {
        return new HostLacks("the saved state of the machine does not fit in section " + section + ": " + what
                + "; make the snapshot anew with this version");
    }
}
