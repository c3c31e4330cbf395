package dev.runinvm.agent;

import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Which node a thread's output belongs to: the node that runs on it or on the thread that started it; for a stray thread
 * the node that was started last and still runs.
 */
final class Attribution {
    private final InheritableThreadLocal<String> owner = new InheritableThreadLocal<>();
    private final Map<String, String> parents = new HashMap<>();
    private final Set<String> running = new LinkedHashSet<>();
    private volatile @Nullable String latest;

    synchronized void node(String id, @Nullable String parent) {
        if (parent != null) {
            parents.put(id, parent);
        }
    }

    synchronized void started(String id) {
        running.add(id);
        owner.set(id);
        latest = id;
    }

    synchronized void finished(String id) {
        running.remove(id);
        String parent = parents.get(id);
        if (parent != null) {
            owner.set(parent);
        } else {
            owner.remove();
        }
        String last = null;
        for (String other : running) {
            last = other;
        }
        latest = last;
    }

    synchronized void clear() {
        parents.clear();
        running.clear();
        owner.remove();
        latest = null;
    }

    @Nullable
    String current() {
        String mine = owner.get();
        synchronized (this) {
            return mine != null && running.contains(mine) ? mine : latest;
        }
    }
}
