package dev.runinvm.engine.para;

import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.direct.HostCpu;
import dev.runinvm.engine.machine.SavedFields;
import dev.runinvm.engine.machine.StateReader;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** No part of a domain forgets a field when it is saved. */
class ParaSavedFieldsTest {
    /** What is not the guest's to see. */
    private static final Set<String> NOT_STATE = Set.of(
            // counters for reports
            "EventChannels.sent",
            "EventChannels.received",
            "Timers.expired",
            "PageTypes.updates",
            "PageTypes.directWrites",
            "PvCpu.events",
            "PvCpu.exceptions",
            "PvCpu.systemCalls",
            "PvCpu.returns",
            "MmuOps.pins",
            "MmuOps.unpins",
            "MmuOps.baseChanges",
            "MmuOps.flushes",
            "MmuOps.kernelFlushes",
            "MmuOps.pageFlushes",
            "XenStore.requests",
            "ConsoleRing.bytesOut",
            "BlockBackend.requests",
            "BlockBackend.sectorsMoved",
            "Hypercalls.counts",
            "Hypercalls.unknown",
            // while a hypercall is under way only
            "Hypercalls.arguments",
            "Hypercalls.inMulticall",
            // versions are compared with what the same machine has seen
            "PageTypes.version",
            "PageTypes.changes",
            "PageTypes.kernelChanges",
            "MmuOps.kernelChangesFlushed",
            // the host's: input that the guest has not taken
            "ConsoleRing.currentAt",
            // what was sent of a message, and how much of the next has come: below
            "StoreRing.headerBytes",
            "StoreRing.payloadBytes",
            "StoreRing.sent",
            // the reading of this machine's counter: the state has the time
            "SharedInfo.tscOrigin");

    private static final long RING = 0x300_0000;

    @TempDir
    Path folder;

    private final TestDomain d = new TestDomain();
    private Domain other;
    private Path image;

    @BeforeEach
    void connect() throws Exception {
        image = Files.write(folder.resolve("disk"), new byte[1 << 16]);
        equip(d.domain);
        connect("console/1", "port", 20);
        connect("vbd/" + BlockBackend.XVDA, "event-channel", 21);
        d.domain.events.bindVirq(EventChannels.VIRQ_TIMER, 0);
        other = fresh();
    }

    private void equip(Domain domain) {
        domain.addConsole(1, (bytes, from, count) -> {});
        domain.addDisk(image, false);
    }

    private Domain fresh() {
        Domain domain = Domain.writtenDown(d.memory, d.domain.layout, d.domain.diskStarts, d.time, HostCpu.probe());
        equip(domain);
        return domain;
    }

    private void connect(String device, String portNode, int reference) {
        d.memory.putLong(d.domain.layout.grantFrame(0) + 8L * reference, 1 | RING + 4096L * reference >>> 12 << 32);
        int port = d.domain.events.allocateUnbound(EventChannels.DOMID_SELF, 0);
        String front = XenStore.HOME + "/device/" + device;
        d.domain.store.write(front + "/ring-ref", Integer.toString(reference));
        d.domain.store.write(front + "/" + portNode, Integer.toString(port));
        d.domain.store.write(front + "/state", "3");
        String back = "/local/domain/0/backend/" + device.replace("/", "/" + XenStore.GUEST + "/");
        assertEquals("4", d.domain.store.read(back + "/state"), device);
    }

    @AfterEach
    void close() {
        other.closeDisks();
        d.domain.closeDisks();
        d.close();
    }

    private void load(byte[] saved) {
        other.load(new StateReader(new ByteArrayInputStream(saved)));
    }

    @Test
    void everyFieldIsSavedAndComesBack() throws Exception {
        SavedFields fields = new SavedFields(d.domain, NOT_STATE, Set.of());
        assertTrue(fields.count() >= 40, "only " + fields.count() + " fields found: the test looks in the wrong place");
        assertEquals(
                List.of(),
                fields.forgotten(() -> {
                    other.closeDisks();
                    other = fresh();
                    return other;
                }),
                "fields that are not saved");
    }

    /** What lies in collections: the store with watches and an open transaction, a request of which a part has come. */
    @Test
    void savedLoadedAndSavedAgainItIsTheSame() {
        XenStore store = d.domain.store;
        store.request(4, 1, 0, "device\0token\0".getBytes(StandardCharsets.US_ASCII)); // WATCH
        store.request(6, 2, 0, new byte[1]); // TRANSACTION_START
        store.request(11, 3, 1, "data/x\0value".getBytes(StandardCharsets.US_ASCII)); // WRITE within it
        long ring = d.storePage();
        for (int i = 0; i < 20; i++) {
            d.memory.putByte(ring + i, (byte) (i == 12 ? 40 : 0));
        }
        d.memory.putInt(ring + 2052, 20);
        d.memory.putInt(ring + 2056, 1024); // so that there is room for a part of the answers only
        d.memory.putInt(ring + 2060, 2030);
        assertEquals(0, d.call(Hypercalls.EVENT_CHANNEL_OP, 4, d.words(2)));
        assertEquals(0, d.call(Hypercalls.VCPU_OP, 5, 0, d.words(TestDomain.SCRATCH + 512)));
        assertEquals(0, d.call(Hypercalls.VCPU_OP, 13, 0, d.words(TestDomain.SCRATCH + 1024)));
        d.domain.pv.userRoot = 0x4000;
        byte[] saved = SavedFields.save(d.domain);
        load(saved);
        assertArrayEquals(saved, SavedFields.save(other));
        String text = new String(saved, StandardCharsets.ISO_8859_1);
        for (String part : List.of("token", "data/x", "payloadPresent\0\0\0\1", "sendingPresent\0\0\0\1")) {
            assertTrue(text.contains(part), part);
        }
        other.store.request(7, 4, 1, "T\0".getBytes(StandardCharsets.US_ASCII)); // TRANSACTION_END
        assertEquals("value", other.store.read(XenStore.HOME + "/data/x"));
        for (long frame = 0; frame < d.domain.layout.pages(); frame++) {
            assertEquals(d.domain.types.level(frame), other.types.level(frame), "frame " + frame);
        }
    }

    @Test
    void backEndsHearOfTheirChannelsAgain() {
        load(SavedFields.save(d.domain));
        long ring = RING + 4096L * 20;
        StringBuilder heard = new StringBuilder();
        Domain again = Domain.writtenDown(d.memory, d.domain.layout, d.domain.diskStarts, d.time, HostCpu.probe());
        again.addConsole(
                1, (bytes, from, count) -> heard.append(new String(bytes, from, count, StandardCharsets.US_ASCII)));
        again.addDisk(image, false);
        again.load(new StateReader(new ByteArrayInputStream(SavedFields.save(d.domain))));
        d.memory.putByte(ring + 1024, (byte) '!');
        d.memory.putInt(ring + 3084, 1);
        again.events.send(Integer.parseInt(d.domain.store.read(XenStore.HOME + "/device/console/1/port")));
        assertEquals("!", heard.toString());
        again.closeDisks();
    }

    /** Time goes on where it stood, in both places where the guest looks, and the wall clock is of now. */
    @Test
    void timeGoesOnWhereItStood() {
        long area = TestDomain.SCRATCH + 1024;
        assertEquals(0, d.call(Hypercalls.VCPU_OP, 13, 0, d.words(area)));
        d.nanos = 5_000_001_000L;
        long then = d.domain.shared.systemTime();
        assertEquals(5_000_000_000L, then, 100);
        byte[] saved = SavedFields.save(d.domain);
        d.nanos = 3_605_000_001_000L; // an hour in a file
        load(saved);
        other.shared.resume();
        assertEquals(then, other.shared.systemTime(), 100);
        d.nanos += 1_000_000;
        assertEquals(then + 1_000_000, other.shared.systemTime(), 100);
        long physical = area - TestDomain.VIRT_BASE;
        for (long at : new long[] {d.domain.layout.sharedInfo() + 32, physical}) {
            assertEquals(then, d.memory.getLong(at + 16), 100);
            assertEquals(3 * 3_605_000_001_000L, d.memory.getLong(at + 8));
            assertEquals(0, d.memory.getInt(at) & 1, "an even version: it may be read");
        }
        long wall = d.domain.layout.sharedInfo() + 3072;
        long boot = d.memory.getInt(wall + 4) * 1_000_000_000L + d.memory.getInt(wall + 8);
        assertEquals(TestDomain.WALL_CLOCK + d.nanos - 1_000_000, boot + then, 1000);
    }

    @Test
    void whatIsBlockedIsNotRun() {
        long at = TestDomain.SCRATCH + 512;
        assertEquals(0, d.call(Hypercalls.VCPU_OP, 5, 0, d.words(at)));
        d.nanos += 1_000_000;
        long from = d.domain.shared.systemTime();
        d.nanos += 5_000_000;
        d.domain.runstate.unblocked(d.domain.cpu, from);
        assertEquals(0, d.read64(at), "running");
        assertEquals(from + 5_000_000, d.read64(at + 8), 100);
        assertEquals(from, d.read64(at + 16), 100);
        assertEquals(5_000_000, d.read64(at + 32), 100);
        d.nanos += 2_000_000;
        assertEquals(0, d.call(Hypercalls.VCPU_OP, 4, 0, at + 256));
        assertEquals(from + 2_000_000, d.read64(at + 256 + 16), 100);
        assertEquals(d.domain.shared.systemTime(), d.read64(at + 256 + 16) + d.read64(at + 256 + 32), 100);
        assertEquals(-14, d.call(Hypercalls.VCPU_OP, 5, 0, d.words(0x1234_5000)));
        assertEquals(-22, d.call(Hypercalls.VCPU_OP, 13, 0, d.words(TestDomain.SCRATCH + 4090)), "across two pages");
    }

    @Test
    void anotherDomainsStateIsRefused() {
        byte[] saved = SavedFields.save(d.domain);
        Domain bare = Domain.writtenDown(d.memory, d.domain.layout, d.domain.diskStarts, d.time, HostCpu.probe());
        HostLacks e = assertThrows(HostLacks.class, () -> bare.load(new StateReader(new ByteArrayInputStream(saved))));
        assertTrue(String.valueOf(e.getMessage()).contains("other consoles and disks"), e.getMessage());
    }
}
