package dev.runinvm.junit;

import dev.runinvm.client.FileMapping;
import dev.runinvm.engine.VmConfig;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.StoreScope;

/**
 * The guests of one session of the launcher that have run a class with isolation SESSION and wait for the next of the same
 * configuration. Each runs one class at a time; all end with the session, or when another guest needs their place.
 * Thread-safe.
 */
final class SessionGuests implements AutoCloseable {
    private static final Set<SessionGuests> OPEN = ConcurrentHashMap.newKeySet();

    /**
     * What classes must have in common to share a guest.
     *
     * @param config what the guest is, without its console
     * @param classPath of the tests
     * @param files that were put into it
     * @param properties names of system properties that are forwarded
     */
    record Key(VmConfig config, List<Path> classPath, List<FileMapping> files, List<String> properties) {}

    private record Idle(Key key, Guests.Lease lease) {}

    private final List<Idle> idle = new ArrayList<>();
    private boolean closed;

    private SessionGuests() {
        OPEN.add(this);
    }

    /** Those of the session that a test belongs to; JUnit closes them with it. */
    static SessionGuests of(ExtensionContext context) {
        return context.getStore(StoreScope.LAUNCHER_SESSION, RunInVMExtension.NAMESPACE)
                .getOrComputeIfAbsent(SessionGuests.class, type -> new SessionGuests(), SessionGuests.class);
    }

    /** A guest that waits, which is the caller's from now on; null if none does. */
    synchronized Guests.@Nullable Lease take(Key key) {
        for (Iterator<Idle> all = idle.iterator(); all.hasNext(); ) {
            Idle one = all.next();
            if (one.key.equals(key)) {
                all.remove();
                if (one.lease.vm().end().isEmpty()) {
                    return one.lease;
                }
                one.lease.close();
            }
        }
        return null;
    }

    /** Keeps a guest for the next class; ends it if the session has ended. */
    void put(Key key, Guests.Lease lease) {
        synchronized (this) {
            if (!closed) {
                idle.add(new Idle(key, lease));
                return;
            }
        }
        lease.close();
    }

    /** Ends all guests that wait, whoever's they are: their places are needed. */
    static void endIdle() {
        OPEN.forEach(SessionGuests::end);
    }

    private void end() {
        List<Idle> all;
        synchronized (this) {
            all = List.copyOf(idle);
            idle.clear();
        }
        all.forEach(one -> one.lease.close());
    }

    @Override
    public void close() {
        synchronized (this) {
            closed = true;
        }
        OPEN.remove(this);
        end();
    }
}
