package dev.runinvm.engine.para;

import dev.runinvm.engine.machine.StateReader;
import dev.runinvm.engine.machine.StateWriter;
import dev.runinvm.engine.machine.Stateful;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * A xenstore for one guest (xen/include/public/io/xs_wire.h, docs/misc/xenstore.txt): requests in, replies and watch
 * events out. The guest may read everything and write below its own home; the back ends share the tree. The vCPU's
 * thread only.
 */
final class XenStore implements Stateful {
    /** The guest's number among domains. */
    static final int GUEST = 1;

    static final String HOME = "/local/domain/" + GUEST;
    /** Bytes of a message without its header. */
    static final int PAYLOAD_MOST = 4096;

    static final int HEADER = 16;

    private static final int DIRECTORY = 1;
    private static final int READ = 2;
    private static final int GET_PERMS = 3;
    private static final int WATCH = 4;
    private static final int UNWATCH = 5;
    private static final int TRANSACTION_START = 6;
    private static final int TRANSACTION_END = 7;
    private static final int GET_DOMAIN_PATH = 10;
    private static final int WRITE = 11;
    private static final int MKDIR = 12;
    private static final int RM = 13;
    private static final int SET_PERMS = 14;
    private static final int WATCH_EVENT = 15;
    private static final int ERROR = 16;
    private static final int IS_DOMAIN_INTRODUCED = 17;
    private static final int RESET_WATCHES = 21;

    private static final int TRANSACTIONS_MOST = 16;
    private static final int WATCHES_MOST = 256;
    private static final int VALUE_MOST = 2048;

    /** A guest's watch: the path as it gave it. */
    private record Watch(String given, String absolute, String token) {}

    /** A back end's watch. */
    private record Listener(String path, Consumer<String> action) {}

    /** A transaction: its own tree, what it changed, and the store's generation when it began. */
    private record Transaction(StoreTree tree, List<String> changed, long generation) {}

    /** A request cannot be done; the name is the reply. */
    private static final class Refused extends Exception {
        private static final long serialVersionUID = 1L;

        Refused(String error) {
            super(error, null, false, false);
        }
    }

    private StoreTree tree = new StoreTree();
    private long generation;
    private final Map<Integer, Transaction> transactions = new TreeMap<>();
    private int nextTransaction = 1;
    private final List<Watch> watches = new ArrayList<>();
    private final List<Listener> listeners = new ArrayList<>();
    private final ArrayDeque<byte[]> out = new ArrayDeque<>();
    long requests;

    // ---------------------------------------------------------------------------------------------- for back ends

    void write(String path, String value) {
        tree.write(path, value.getBytes(StandardCharsets.US_ASCII));
        changed(path);
    }

    /** A value as text, "" if there is no such node. */
    String read(String path) {
        byte[] value = tree.read(path);
        return value == null ? "" : new String(value, StandardCharsets.US_ASCII);
    }

    /** A value as a number, -1 if it is none. */
    int readNumber(String path) {
        try {
            return Integer.parseInt(read(path).trim());
        } catch (NumberFormatException e) {
            return -1;
        }
    }

    /** Calls back with the path of each change at or below a path. */
    void watch(String path, Consumer<String> action) {
        listeners.add(new Listener(path, action));
    }

    /** The next message for the guest, or null. */
    byte @org.jspecify.annotations.Nullable [] poll() {
        return out.poll();
    }

    private static boolean covers(String watched, String path) {
        return path.equals(watched) || watched.equals("/") || path.startsWith(watched + "/");
    }

    private void changed(String path) {
        generation++;
        for (Watch w : watches) {
            if (covers(w.absolute, path)) {
                event(w, path);
            }
        }
        for (Listener l : List.copyOf(listeners)) {
            if (covers(l.path, path)) {
                l.action.accept(path);
            }
        }
    }

    private void event(Watch w, String path) {
        String shown = w.given.startsWith("/") || !path.startsWith(HOME + "/") && !w.given.startsWith("@")
                ? path
                : path.startsWith(HOME + "/") ? path.substring(HOME.length() + 1) : path;
        send(WATCH_EVENT, 0, 0, text(shown, w.token));
    }

    // ---------------------------------------------------------------------------------------------------- requests

    /** Carries out one request of the guest's. */
    void request(int type, int id, int transaction, byte[] payload) {
        requests++;
        try {
            byte[] reply = perform(type, transaction, payload);
            send(type, id, transaction, reply);
            if (type == WATCH) {
                Watch w = watches.get(watches.size() - 1);
                event(w, w.absolute); // fires at once, so that nothing can be missed
            }
        } catch (Refused e) {
            send(ERROR, id, transaction, text(String.valueOf(e.getMessage())));
        }
    }

    private void send(int type, int id, int transaction, byte[] payload) {
        ByteBuffer message = ByteBuffer.allocate(HEADER + payload.length).order(ByteOrder.LITTLE_ENDIAN);
        message.putInt(type)
                .putInt(id)
                .putInt(transaction)
                .putInt(payload.length)
                .put(payload);
        out.add(message.array());
    }

    /** Whether so much waits for the guest that it must take some before it may ask more. */
    boolean congested() {
        return out.size() > 1024;
    }

    private static byte[] text(String... parts) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (String part : parts) {
            bytes.writeBytes(part.getBytes(StandardCharsets.ISO_8859_1));
            bytes.write(0);
        }
        return bytes.toByteArray();
    }

    private static final byte[] OK = text("OK");

    private byte[] perform(int type, int transaction, byte[] payload) throws Refused {
        String[] words = new String(payload, StandardCharsets.ISO_8859_1).split("\0", -1);
        StoreTree t = tree;
        if (transaction != 0) {
            Transaction open = transactions.get(transaction);
            if (open == null) {
                throw new Refused("ENOENT");
            }
            t = open.tree;
        }
        return switch (type) {
            case DIRECTORY -> {
                String path = existing(t, words[0]);
                yield text(t.children(path).toArray(String[]::new));
            }
            case READ -> {
                byte[] value = t.read(existing(t, words[0]));
                yield value == null ? new byte[0] : value;
            }
            case GET_PERMS -> {
                existing(t, words[0]);
                yield text("n" + GUEST);
            }
            case SET_PERMS -> {
                existing(t, words[0]);
                yield OK;
            }
            case WRITE -> write(t, transaction, words[0], payload);
            case MKDIR -> {
                String path = own(words[0]);
                if (t.read(path) == null) {
                    store(t, transaction, path, new byte[0]);
                }
                yield OK;
            }
            case RM -> {
                String path = own(words[0]);
                if (t.read(path) == null) {
                    if (t.read(StoreTree.parent(path)) == null) {
                        throw new Refused("ENOENT");
                    }
                    yield OK;
                }
                t.remove(path);
                note(transaction, path);
                yield OK;
            }
            case WATCH -> watch(words);
            case UNWATCH -> {
                if (words.length < 2 || !watches.removeIf(w -> w.given.equals(words[0]) && w.token.equals(words[1]))) {
                    throw new Refused("ENOENT");
                }
                yield OK;
            }
            case RESET_WATCHES -> {
                watches.clear();
                transactions.clear();
                yield OK;
            }
            case TRANSACTION_START -> begin(transaction);
            case TRANSACTION_END -> end(transaction, words[0]);
            case GET_DOMAIN_PATH -> text("/local/domain/" + number(words[0]));
            case IS_DOMAIN_INTRODUCED -> text(number(words[0]) == GUEST ? "T" : "F");
            default -> throw new Refused("ENOSYS");
        };
    }

    private static int number(String text) throws Refused {
        try {
            return Integer.parseInt(text);
        } catch (NumberFormatException e) {
            throw new Refused("EINVAL");
        }
    }

    private static String absolute(String path) throws Refused {
        String absolute = path.startsWith("/") ? path : HOME + "/" + path;
        if (!StoreTree.valid(absolute)) {
            throw new Refused("EINVAL");
        }
        return absolute;
    }

    private static String existing(StoreTree t, String given) throws Refused {
        String path = absolute(given);
        if (t.read(path) == null) {
            throw new Refused("ENOENT");
        }
        return path;
    }

    private static String own(String given) throws Refused {
        String path = absolute(given);
        if (!path.startsWith(HOME + "/")) {
            throw new Refused("EACCES");
        }
        return path;
    }

    private byte[] write(StoreTree t, int transaction, String given, byte[] payload) throws Refused {
        int start = given.length() + 1;
        if (start > payload.length) {
            throw new Refused("EINVAL");
        }
        byte[] value = Arrays.copyOfRange(payload, start, payload.length);
        if (value.length > VALUE_MOST) {
            throw new Refused("ENOSPC");
        }
        store(t, transaction, own(given), value);
        return OK;
    }

    private void store(StoreTree t, int transaction, String path, byte[] value) throws Refused {
        if (!t.write(path, value)) {
            throw new Refused("ENOSPC");
        }
        note(transaction, path);
    }

    private void note(int transaction, String path) {
        Transaction open = transactions.get(transaction);
        if (open != null) {
            open.changed.add(path);
        } else {
            changed(path);
        }
    }

    private byte[] watch(String[] words) throws Refused {
        if (words.length < 2) {
            throw new Refused("EINVAL");
        }
        if (watches.size() >= WATCHES_MOST) {
            throw new Refused("E2BIG");
        }
        String absolute = words[0].startsWith("@") ? words[0] : absolute(words[0]);
        Watch w = new Watch(words[0], absolute, words[1]);
        if (watches.contains(w)) {
            throw new Refused("EEXIST");
        }
        watches.add(w);
        return OK;
    }

    private byte[] begin(int within) throws Refused {
        if (within != 0 || transactions.size() >= TRANSACTIONS_MOST) {
            throw new Refused("EBUSY");
        }
        int id = nextTransaction++;
        transactions.put(id, new Transaction(tree.copy(), new ArrayList<>(), generation));
        return text(Integer.toString(id));
    }

    private byte[] end(int id, String how) throws Refused {
        Transaction open = transactions.remove(id);
        if (open == null) {
            throw new Refused("ENOENT");
        }
        if (how.equals("T")) {
            if (open.generation != generation && !open.changed.isEmpty()) {
                throw new Refused("EAGAIN");
            }
            if (!open.changed.isEmpty()) {
                tree = open.tree;
                open.changed.forEach(this::changed);
            }
        }
        return OK;
    }

    // --------------------------------------------------------------------------------------------------- snapshots

    /** All but what back ends listen to. */
    @Override
    public void save(StateWriter to) {
        to.section("xenstore", 1);
        tree.save(to);
        to.putLong("generation", generation);
        to.putInt("nextTransaction", nextTransaction);
        to.putInt("transactions", transactions.size());
        transactions.forEach((id, t) -> {
            to.putInt("id", id);
            to.putLong("began", t.generation);
            t.tree.save(to);
            to.putInt("changes", t.changed.size());
            t.changed.forEach(path -> putText(to, "changed", path));
        });
        to.putInt("watches", watches.size());
        watches.forEach(w -> {
            putText(to, "given", w.given);
            putText(to, "absolute", w.absolute);
            putText(to, "token", w.token);
        });
        to.putInt("messages", out.size());
        out.forEach(message -> to.putBytes("message", message));
    }

    private static void putText(StateWriter to, String name, String text) {
        to.putBytes(name, text.getBytes(StandardCharsets.ISO_8859_1));
    }

    private static String getText(StateReader in, String name) {
        return new String(in.getBytes(name), StandardCharsets.ISO_8859_1);
    }

    @Override
    public void load(StateReader in) {
        in.section("xenstore", 1);
        tree.load(in);
        generation = in.getLong("generation");
        nextTransaction = in.getInt("nextTransaction");
        transactions.clear();
        for (int n = in.getInt("transactions"); n > 0; n--) {
            int id = in.getInt("id");
            long began = in.getLong("began");
            StoreTree own = new StoreTree();
            own.load(in);
            List<String> changed = new ArrayList<>();
            for (int c = in.getInt("changes"); c > 0; c--) {
                changed.add(getText(in, "changed"));
            }
            transactions.put(id, new Transaction(own, changed, began));
        }
        watches.clear();
        for (int n = in.getInt("watches"); n > 0; n--) {
            watches.add(new Watch(getText(in, "given"), getText(in, "absolute"), getText(in, "token")));
        }
        out.clear();
        for (int n = in.getInt("messages"); n > 0; n--) {
            out.add(in.getBytes("message"));
        }
    }
}
