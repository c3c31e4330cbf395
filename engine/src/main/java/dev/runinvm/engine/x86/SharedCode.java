package dev.runinvm.engine.x86;

import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Blocks decoded from pages of a file that several guests of this JVM have gone on from: what one has decoded the next ones
 * need not. Bytes of a page are known as long as it lies in the file. Thread-safe.
 */
public final class SharedCode {
    /** Most blocks kept. */
    private static final int MOST_BLOCKS = 200_000;

    private record Key(long address, long physical) {}

    private final ConcurrentHashMap<Key, Block> blocks = new ConcurrentHashMap<>();

    /** A block of the caller's own, or null if none is known; of two that start there, the one that reaches further. */
    @Nullable
    Block find(long address, long physical) {
        Block known = blocks.get(new Key(address, physical));
        return known == null ? null : known.copy();
    }

    /** Keeps a block decoded from one page; later ones are longer. */
    void keep(Block b) {
        if (blocks.size() < MOST_BLOCKS) {
            blocks.put(new Key(b.address, b.physical), b.copy());
        }
    }
}
