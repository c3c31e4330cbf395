package dev.runinvm.engine.para;

import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.machine.StateReader;
import dev.runinvm.engine.machine.StateWriter;
import dev.runinvm.engine.machine.Stateful;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** The nodes of a xenstore: values by absolute path, every node's parents being nodes too. */
final class StoreTree implements Stateful {
    /** Nodes a store may have; a domain of one guest needs some dozens. */
    private static final int MOST = 4096;

    private final TreeMap<String, byte[]> nodes;

    StoreTree() {
        nodes = new TreeMap<>();
        nodes.put("/", new byte[0]);
    }

    private StoreTree(TreeMap<String, byte[]> nodes) {
        this.nodes = nodes;
    }

    StoreTree copy() {
        return new StoreTree(new TreeMap<>(nodes));
    }

    byte @Nullable [] read(String path) {
        return nodes.get(path);
    }

    /**
     * Sets a value, making parents as needed.
     *
     * @return false if the store is full
     */
    boolean write(String path, byte[] value) {
        String parent = parent(path);
        if (!nodes.containsKey(path) && nodes.size() >= MOST) {
            return false;
        }
        if (!path.equals("/") && !nodes.containsKey(parent) && !write(parent, new byte[0])) {
            return false;
        }
        nodes.put(path, value);
        return true;
    }

    static String parent(String path) {
        int slash = path.lastIndexOf('/');
        return slash <= 0 ? "/" : path.substring(0, slash);
    }

    /** Names of a node's children, in order. */
    List<String> children(String path) {
        String prefix = path.equals("/") ? "/" : path + "/";
        List<String> names = new ArrayList<>();
        for (String node : nodes.tailMap(prefix, false).keySet()) {
            if (!node.startsWith(prefix)) {
                break;
            }
            String rest = node.substring(prefix.length());
            if (rest.indexOf('/') < 0) {
                names.add(rest);
            }
        }
        return names;
    }

    /** Removes a node and all below. */
    void remove(String path) {
        nodes.remove(path);
        String prefix = path + "/";
        nodes.subMap(prefix, path + "0").clear(); // '0' follows '/'
    }

    /** Whether a string is a valid absolute path (docs/misc/xenstore.txt). */
    static boolean valid(String path) {
        if (path.equals("/")) {
            return true;
        }
        if (!path.startsWith("/") || path.endsWith("/") || path.contains("//") || path.length() > 3072) {
            return false;
        }
        return path.chars().allMatch(c -> c < 128 && (Character.isLetterOrDigit(c) || "-/_@".indexOf(c) >= 0));
    }

    @Override
    public void save(StateWriter out) {
        out.section("store-tree", 1);
        out.putInt("nodes", nodes.size());
        nodes.forEach((path, value) -> {
            out.putBytes("path", path.getBytes(StandardCharsets.ISO_8859_1));
            out.putBytes("value", value);
        });
    }

    @Override
    public void load(StateReader in) {
        in.section("store-tree", 1);
        nodes.clear();
        int count = in.getInt("nodes");
        if (count < 0 || count > MOST) {
            throw new HostLacks("the saved state has a xenstore of " + count + " nodes");
        }
        for (int i = 0; i < count; i++) {
            String path = new String(in.getBytes("path"), StandardCharsets.ISO_8859_1);
            nodes.put(path, in.getBytes("value"));
        }
    }
}
