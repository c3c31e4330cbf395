package dev.runinvm.maven;

import dev.runinvm.engine.snapshot.SnapshotStore;
import dev.runinvm.engine.snapshot.SnapshotStore.Entry;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.apache.maven.plugins.annotations.Mojo;
import org.apache.maven.plugins.annotations.Parameter;

/**
 * Lists the snapshots that guests are restored from: key, size, when last used, what of; the most recently used first.
 *
 * @since 0.1.0
 */
@Mojo(name = "snapshots", requiresProject = false, threadSafe = true)
public class SnapshotsMojo extends AbstractVmMojo {
    /**
     * Whether to show, for each, everything that shaped it: a change of any of it makes a new snapshot.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.verbose", defaultValue = "false")
    private boolean verbose;

    @Override
    void run() {
        SnapshotStore store = SnapshotStore.ofUser();
        List<Entry> all = store.list();
        table(all, Instant.now(), verbose).forEach(getLog()::info);
        getLog().info(total(all) + ", in " + store.directory() + "; the most that they may take is "
                + mebibytes(store.limit()) + " (" + SnapshotStore.LIMIT_PROPERTY + ")");
    }

    /** One line for each, and with {@code verbose} what shaped it below. */
    static List<String> table(List<Entry> all, Instant now, boolean verbose) {
        List<String> lines = new ArrayList<>();
        if (!all.isEmpty()) {
            lines.add(String.format(Locale.ROOT, "%-32s  %9s  %-12s  %s", "key", "size", "last used", "what"));
        }
        for (Entry entry : all) {
            lines.add(String.format(
                    Locale.ROOT,
                    "%-32s  %9s  %-12s  %s",
                    entry.key(),
                    mebibytes(entry.bytes()),
                    ago(Duration.between(entry.lastUsed(), now)),
                    entry.about().what()));
            if (verbose) {
                entry.about().shape().forEach(line -> lines.add("    " + line));
            }
        }
        return lines;
    }

    /** How many, and how large. */
    static String total(List<Entry> all) {
        long bytes = all.stream().mapToLong(Entry::bytes).sum();
        return switch (all.size()) {
            case 0 -> "no snapshots";
            case 1 -> "1 snapshot, " + mebibytes(bytes);
            default -> all.size() + " snapshots, " + mebibytes(bytes);
        };
    }

    private static String mebibytes(long bytes) {
        return (bytes + (1 << 20) - 1 >> 20) + " MiB";
    }

    private static String ago(Duration time) {
        if (time.toMinutes() < 2) {
            return "just now";
        }
        if (time.toHours() < 2) {
            return time.toMinutes() + " min ago";
        }
        return time.toDays() < 2 ? time.toHours() + " h ago" : time.toDays() + " days ago";
    }
}
