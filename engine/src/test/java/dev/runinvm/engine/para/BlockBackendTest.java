package dev.runinvm.engine.para;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Requests on a ring, as a guest's driver makes them. */
class BlockBackendTest {
    private static final long RING = 0x300_0000;
    private static final long DATA = 0x300_1000;
    private static final int SECTORS = 64;

    @TempDir
    Path directory;

    private final TestDomain d = new TestDomain();
    private Path image;
    private BlockBackend disk;
    private int port;
    private int produced;

    @BeforeEach
    void connect() throws Exception {
        byte[] content = new byte[SECTORS * 512];
        new Random(3).nextBytes(content);
        image = Files.write(directory.resolve("disk"), content);
        open(BlockBackend.XVDA, false);
    }

    private long written;

    private void open(int device, boolean readOnly) {
        disk = new BlockBackend(
                d.memory, d.domain.store, d.domain.grants, d.domain.events, (at, n) -> written += n, image, readOnly);
        disk.describe(device);
        d.domain.bus.add("vbd", device, disk);
        grant(8, RING, false);
        grant(9, DATA, false);
        grant(10, DATA + 0x1000, true);
        port = d.domain.events.allocateUnbound(EventChannels.DOMID_SELF, 0);
        String front = XenStore.HOME + "/device/vbd/" + device;
        d.domain.store.write(front + "/ring-ref", "8");
        d.domain.store.write(front + "/event-channel", Integer.toString(port));
        d.domain.store.write(front + "/state", "3");
        d.memory.putInt(RING + 12, 1); // the guest wants to hear of the first answer
    }

    @AfterEach
    void close() {
        disk.close();
        d.close();
    }

    private void grant(int reference, long page, boolean readOnly) {
        long at = d.domain.layout.grantFrame(0) + 8L * reference;
        d.memory.putLong(at, 1 | (readOnly ? 4 : 0) | page >>> 12 << 32);
    }

    /** Makes a request of one segment; answers its status. */
    private int request(int operation, long sector, int reference, int first, int last) {
        long at = RING + 64 + produced % 32 * 112L;
        d.memory.putByte(at, (byte) operation);
        d.memory.putByte(at + 1, (byte) 1);
        d.memory.putLong(at + 8, 1000 + produced);
        d.memory.putLong(at + 16, sector);
        d.memory.putInt(at + 24, reference);
        d.memory.putByte(at + 28, (byte) first);
        d.memory.putByte(at + 29, (byte) last);
        d.memory.putInt(RING, ++produced);
        assertEquals(0, d.call(Hypercalls.EVENT_CHANNEL_OP, 4, d.words(port)));
        assertEquals(produced, d.memory.getInt(RING + 8));
        assertEquals(1000 + produced - 1, d.memory.getLong(at));
        return d.memory.getShort(at + 10);
    }

    @Test
    void connectsAndTellsItsSize() {
        String back = "/local/domain/0/backend/vbd/1/" + BlockBackend.XVDA;
        assertEquals(XenBus.CONNECTED, d.domain.store.readNumber(back + "/state"));
        assertEquals(SECTORS, d.domain.store.readNumber(back + "/sectors"));
    }

    @Test
    void readsAndWritesSectors() throws Exception {
        assertEquals(0, request(0, 5, 9, 2, 3));
        byte[] read = new byte[1024];
        d.memory.read(DATA + 1024, read, 0, read.length);
        byte[] content = Files.readAllBytes(image);
        assertArrayEquals(java.util.Arrays.copyOfRange(content, 5 * 512, 7 * 512), read);
        assertTrue(d.domain.shared.isPending(port));
        assertEquals(1024, written, "bytes that caches of the guest's memory were told of");

        d.memory.write(DATA, new byte[4096], 0, 4096);
        assertEquals(0, request(1, 56, 9, 0, 7));
        assertEquals(0, request(3, 0, 9, 0, 0));
        assertArrayEquals(new byte[4096], java.util.Arrays.copyOfRange(Files.readAllBytes(image), 56 * 512, 64 * 512));
    }

    @Test
    void refusesWhatIsBeyondOrNotGranted() {
        assertEquals(-1, request(0, SECTORS, 9, 0, 0));
        assertEquals(-1, request(0, SECTORS - 1, 9, 0, 1));
        assertEquals(-1, request(0, -1, 9, 0, 0));
        assertEquals(-1, request(0, Long.MAX_VALUE, 9, 0, 0));
        assertEquals(-1, request(0, 0, 9, 3, 2));
        assertEquals(-1, request(0, 0, 9, 0, 8));
        assertEquals(-1, request(0, 0, 10, 0, 0), "the page was granted for reading only");
        assertEquals(0, request(1, 0, 10, 0, 0));
        assertEquals(-1, request(0, 0, 11, 0, 0));
        assertEquals(-2, request(7, 0, 9, 0, 0));
    }

    @Test
    void aReadOnlyDiskIsNotWritten() throws Exception {
        byte[] before = Files.readAllBytes(image);
        disk.close();
        d.memory.write(RING, new byte[4096], 0, 4096);
        open(BlockBackend.XVDA + BlockBackend.DISK_STEP, true);
        assertEquals(-1, request(1, 0, 9, 0, 0));
        assertArrayEquals(before, Files.readAllBytes(image));
    }

    @Test
    void anImpossibleProducerIsIgnored() {
        d.memory.putInt(RING, 1000);
        assertEquals(0, d.call(Hypercalls.EVENT_CHANNEL_OP, 4, d.words(port)));
        assertEquals(0, disk.requests);
    }
}
