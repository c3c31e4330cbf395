package dev.runinvm.engine.para;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Requests and replies as xs_wire.h has them. */
class XenStoreTest {
    private final XenStore store = new XenStore();

    private record Message(int type, int id, int transaction, String text) {}

    private static byte[] words(String... words) {
        return (String.join("\0", words) + "\0").getBytes(StandardCharsets.US_ASCII);
    }

    private List<Message> replies() {
        List<Message> all = new ArrayList<>();
        for (byte[] m = store.poll(); m != null; m = store.poll()) {
            ByteBuffer b = ByteBuffer.wrap(m).order(ByteOrder.LITTLE_ENDIAN);
            int type = b.getInt();
            int id = b.getInt();
            int transaction = b.getInt();
            assertEquals(m.length - 16, b.getInt());
            all.add(new Message(type, id, transaction, new String(m, 16, m.length - 16, StandardCharsets.US_ASCII)));
        }
        return all;
    }

    private String ask(int type, int transaction, String... words) {
        return askRaw(type, transaction, words(words));
    }

    private String askRaw(int type, int transaction, byte[] payload) {
        store.request(type, 5, transaction, payload);
        List<Message> all = replies();
        assertEquals(5, all.get(0).id);
        return all.get(0).text.replace('\0', ' ').trim();
    }

    private String write(int transaction, String path, String value) {
        return askRaw(11, transaction, (path + "\0" + value).getBytes(StandardCharsets.US_ASCII));
    }

    @Test
    void nodesAreWrittenReadListedAndRemoved() {
        assertEquals("OK", write(0, "device/x/1/state", "3"));
        assertEquals("3", ask(2, 0, "/local/domain/1/device/x/1/state"));
        assertEquals("1", ask(1, 0, "device/x"));
        assertEquals("OK", ask(13, 0, "device/x"));
        assertEquals("ENOENT", ask(2, 0, "device/x/1/state"));
        assertEquals("ENOENT", ask(1, 0, "device/x"));
    }

    @Test
    void theGuestWritesAtHomeOnly() {
        assertEquals("EACCES", write(0, "/local/domain/0/backend/vbd/1/0/state", "4"));
        assertEquals("EACCES", ask(13, 0, "/local/domain/10/x"));
        assertEquals("EINVAL", write(0, "a//b", "4"));
        assertEquals("ENOSPC", write(0, "a", "x".repeat(2049)));
        assertEquals("ENOSYS", ask(8, 0, "1"));
    }

    @Test
    void aWatchFiresAtOnceAndOnEachChangeBelow() {
        store.request(4, 5, 0, words("device", "token"));
        List<Message> first = replies();
        assertEquals(2, first.size());
        assertEquals("OK\0", first.get(0).text);
        assertEquals(15, first.get(1).type);
        store.write(XenStore.HOME + "/device/a/state", "1");
        assertEquals("device/a/state\0token\0", replies().get(0).text);
        store.write("/local/domain/0/other", "1");
        assertEquals(List.of(), replies());
        assertEquals("OK", ask(5, 0, "device", "token"));
        assertEquals("ENOENT", ask(5, 0, "device", "token"));
    }

    @Test
    void aTransactionIsSeenAtItsEndOrNotAtAll() {
        List<String> heard = new ArrayList<>();
        store.watch(XenStore.HOME, heard::add);
        int id = Integer.parseInt(ask(6, 0, ""));
        assertEquals("OK", write(id, "a", "1"));
        assertEquals("1", ask(2, id, "a"));
        assertEquals("ENOENT", ask(2, 0, "a"));
        assertEquals(List.of(), heard);
        assertEquals("OK", ask(7, id, "T"));
        assertEquals("1", ask(2, 0, "a"));
        assertEquals(List.of(XenStore.HOME + "/a"), heard);

        int second = Integer.parseInt(ask(6, 0, ""));
        write(second, "a", "2");
        write(0, "b", "3");
        assertEquals("EAGAIN", ask(7, second, "T"));
        assertEquals("1", ask(2, 0, "a"));
    }

    @Test
    void nonsenseIsAnsweredAndBounded() {
        Random random = new Random(5);
        for (int i = 0; i < 20_000; i++) {
            byte[] payload = new byte[random.nextInt(40)];
            for (int k = 0; k < payload.length; k++) {
                payload[k] = (byte) "ab/\0T0".charAt(random.nextInt(6));
            }
            store.request(random.nextInt(24), i, random.nextInt(3), payload);
            assertTrue(!replies().isEmpty());
        }
    }
}
