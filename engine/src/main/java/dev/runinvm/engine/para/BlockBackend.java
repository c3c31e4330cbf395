package dev.runinvm.engine.para;

import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.machine.GuestMemory;
import dev.runinvm.engine.machine.StateReader;
import dev.runinvm.engine.machine.StateWriter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;

/**
 * A disk, /dev/xvda and on in the guest: the back end of Xen's block protocol, one ring, kept in a file of the host
 * (xen/include/public/io/blkif.h, the layout of 64-bit x86). Requests are carried out at once, on the vCPU's thread; each
 * segment's page is looked up in the guest's grant table.
 */
final class BlockBackend implements XenBus.Backend, AutoCloseable {
    /** Device number of /dev/xvda; the next disk is 16 further. */
    static final int XVDA = 202 << 8;

    static final int DISK_STEP = 16;

    private static final int SECTOR = 512;
    private static final int READ_ONLY = 4;

    private static final int REQUEST_PRODUCER = 0;
    private static final int REQUEST_EVENT = 4;
    private static final int RESPONSE_PRODUCER = 8;
    private static final int RESPONSE_EVENT = 12;
    private static final int RING = 64;
    private static final int ENTRY = 112;
    private static final int ENTRIES = 32;
    private static final int SEGMENTS_MOST = 11;

    private static final int READ = 0;
    private static final int WRITE = 1;
    private static final int FLUSH = 3;

    private static final int OKAY = 0;
    private static final int ERROR = -1;
    private static final int NOT_SUPPORTED = -2;

    private final GuestMemory memory;
    private final XenStore store;
    private final GrantTables grants;
    private final EventChannels events;
    private final Written written;
    private final FileChannel file;
    private final boolean readOnly;
    private final long sectors;
    private long ring = -1;
    private int port;
    private final Runnable peer = this::notified;
    private int requestConsumer;
    private int responseProducer;

    /** Requests carried out, and sectors moved. */
    long requests;

    long sectorsMoved;

    /** Is told what was written to the guest's memory. */
    interface Written {
        /**
         * Bytes have changed.
         *
         * @param physical address of the first, all in one page
         */
        void changed(long physical, long length);
    }

    /**
     * Opens a disk.
     *
     * @param image its bytes, a multiple of 512 of them; what is beyond is not seen
     * @throws HostLacks if the file cannot be opened
     */
    BlockBackend(
            GuestMemory memory,
            XenStore store,
            GrantTables grants,
            EventChannels events,
            Written written,
            Path image,
            boolean readOnly) {
        this.memory = memory;
        this.store = store;
        this.grants = grants;
        this.events = events;
        this.written = written;
        this.readOnly = readOnly;
        try {
            file = FileChannel.open(
                    image,
                    readOnly
                            ? Set.of(StandardOpenOption.READ)
                            : Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE));
            sectors = file.size() / SECTOR;
        } catch (IOException e) {
            throw new HostLacks("cannot open the disk " + image + ": " + e, e);
        }
    }

    /** Describes the disk in the back end's directory, before the device is put on the bus. */
    void describe(int device) {
        String back = "/local/domain/0/backend/vbd/" + XenStore.GUEST + "/" + device;
        store.write(back + "/sectors", Long.toString(sectors));
        store.write(back + "/sector-size", Integer.toString(SECTOR));
        store.write(back + "/info", Integer.toString(readOnly ? READ_ONLY : 0));
        store.write(back + "/mode", readOnly ? "r" : "w");
        store.write(back + "/feature-flush-cache", "1");
        String front = XenStore.HOME + "/device/vbd/" + device;
        store.write(front + "/virtual-device", Integer.toString(device));
        store.write(front + "/device-type", "disk");
    }

    @Override
    public boolean connect(String front, String back) {
        long page = grants.page(store.readNumber(front + "/ring-ref"), true);
        int channel = store.readNumber(front + "/event-channel");
        if (page < 0 || !events.connect(channel, peer)) {
            return false;
        }
        ring = page;
        port = channel;
        requestConsumer = 0;
        responseProducer = 0;
        return true;
    }

    @Override
    public void disconnect() {
        ring = -1;
    }

    private void notified() {
        if (ring < 0) {
            return;
        }
        boolean notify = false;
        while (true) {
            int waiting = memory.getInt(ring + REQUEST_PRODUCER) - requestConsumer;
            if (waiting <= 0 || waiting > ENTRIES) {
                break; // nothing, or nonsense
            }
            notify |= one();
            memory.putInt(ring + REQUEST_EVENT, requestConsumer + 1);
        }
        if (notify) {
            events.notifyGuest(port);
        }
    }

    /** Carries out the next request. Answers whether the guest wants to be told. */
    private boolean one() {
        long at = ring + RING + (long) (requestConsumer++ & ENTRIES - 1) * ENTRY;
        byte[] request = new byte[ENTRY]; // a copy: the guest may write there meanwhile
        memory.read(at, request, 0, ENTRY);
        ByteBuffer r = ByteBuffer.wrap(request).order(java.nio.ByteOrder.LITTLE_ENDIAN);
        int operation = r.get(0);
        int status = perform(operation, r);
        requests++;
        long answer = ring + RING + (long) (responseProducer & ENTRIES - 1) * ENTRY;
        memory.putLong(answer, r.getLong(8));
        memory.putByte(answer + 8, (byte) operation);
        memory.putShort(answer + 10, (short) status);
        responseProducer++;
        memory.putInt(ring + RESPONSE_PRODUCER, responseProducer);
        return responseProducer == memory.getInt(ring + RESPONSE_EVENT);
    }

    private int perform(int operation, ByteBuffer r) {
        try {
            return switch (operation) {
                case READ, WRITE -> transfer(operation == WRITE, r);
                case FLUSH -> {
                    if (!readOnly) {
                        file.force(false);
                    }
                    yield OKAY;
                }
                default -> NOT_SUPPORTED;
            };
        } catch (IOException e) {
            return ERROR;
        }
    }

    private int transfer(boolean write, ByteBuffer r) throws IOException {
        int segments = r.get(1) & 0xff;
        long sector = r.getLong(16);
        if (segments > SEGMENTS_MOST || write && readOnly) {
            return ERROR;
        }
        for (int i = 0; i < segments; i++) {
            int at = 24 + 8 * i;
            int first = r.get(at + 4) & 0xff;
            int last = r.get(at + 5) & 0xff;
            int count = last - first + 1;
            long page = grants.page(r.getInt(at), !write);
            if (page < 0 || last > 7 || count <= 0 || sector < 0 || sector > sectors - count) {
                return ERROR;
            }
            long offset = memory.offset(page + (long) first * SECTOR);
            if (!write) {
                memory.makePrivate(offset);
            }
            ByteBuffer target = memory.buffer(offset).slice(memory.index(offset), count * SECTOR);
            move(write, target, sector * SECTOR);
            if (!write) {
                written.changed(page + (long) first * SECTOR, (long) count * SECTOR);
            }
            sector += count;
            sectorsMoved += count;
        }
        return OKAY;
    }

    private void move(boolean write, ByteBuffer bytes, long position) throws IOException {
        while (bytes.hasRemaining()) {
            long at = position + bytes.position();
            int n = write ? file.write(bytes, at) : file.read(bytes, at);
            if (n < 0) {
                throw new IOException("the disk's file has become shorter");
            }
        }
    }

    @Override
    public void close() {
        try {
            file.close();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    /** What is in the file is not part of it: the guest will find there what is there by then. */
    @Override
    public void save(StateWriter out) {
        out.section("block-backend", 1);
        out.putLong("sectors", sectors);
        out.putBoolean("readOnly", readOnly);
        boolean connected = ring >= 0 && events.isConnected(port, peer);
        out.putLong("ring", connected ? ring : -1);
        out.putInt("port", port);
        out.putInt("requestConsumer", requestConsumer);
        out.putInt("responseProducer", responseProducer);
    }

    @Override
    public void load(StateReader in) {
        in.section("block-backend", 1);
        if (in.getLong("sectors") != sectors || in.getBoolean("readOnly") != readOnly) {
            throw new HostLacks("the guest was written down with a disk of another size, or one that it "
                    + (readOnly ? "could write" : "could not write"));
        }
        ring = in.getLong("ring");
        port = in.getInt("port");
        requestConsumer = in.getInt("requestConsumer");
        responseProducer = in.getInt("responseProducer");
        if (ring >= 0) {
            if ((ring & 4095) != 0 || !memory.isMemory(ring)) {
                throw new HostLacks("the saved state puts a disk's ring at 0x" + Long.toHexString(ring));
            }
            events.reconnect(port, peer);
        }
    }
}
