package dev.runinvm.engine.snapshot;

import dev.runinvm.engine.x86.SharedCode;
import java.util.LinkedHashMap;
import java.util.Map;

/** What guests of this JVM have decoded, by the snapshot they went on from; of the snapshots used last. */
final class KnownCode {
    private static final int MOST = 4;

    private static final Map<String, SharedCode> ALL = new LinkedHashMap<>(8, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, SharedCode> eldest) {
            return size() > MOST;
        }
    };

    private KnownCode() {}

    static SharedCode of(SnapshotFile snapshot) {
        synchronized (ALL) {
            return ALL.computeIfAbsent(snapshot.path() + " " + snapshot.identity(), k -> new SharedCode());
        }
    }
}
