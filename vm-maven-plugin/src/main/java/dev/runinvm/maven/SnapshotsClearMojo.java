package dev.runinvm.maven;

import dev.runinvm.engine.snapshot.SnapshotStore;
import dev.runinvm.engine.snapshot.SnapshotStore.Entry;
import java.util.List;
import org.apache.maven.plugin.MojoFailureException;
import org.apache.maven.plugins.annotations.Mojo;
import org.apache.maven.plugins.annotations.Parameter;
import org.jspecify.annotations.Nullable;

/**
 * Removes snapshots that guests are restored from: all, or one. Guests that were restored from them go on; the next that needs
 * one boots, and makes it anew.
 *
 * @since 0.1.0
 */
@Mojo(name = "snapshots-clear", requiresProject = false, threadSafe = true)
public class SnapshotsClearMojo extends AbstractVmMojo {
    /**
     * The key of the snapshot to remove, as <code>vm:snapshots</code> shows it; the beginning will do if there is but one that
     * begins so. By default all are removed.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.snapshot")
    private @Nullable String snapshot;

    @Override
    void run() throws MojoFailureException {
        SnapshotStore store = SnapshotStore.ofUser();
        if (snapshot == null || snapshot.isBlank()) {
            List<Entry> removed = store.clear();
            getLog().info("removed: " + SnapshotsMojo.total(removed) + ", from " + store.directory());
            return;
        }
        String start = snapshot.trim();
        List<Entry> meant =
                store.list().stream().filter(e -> e.key().startsWith(start)).toList();
        if (meant.size() != 1) {
            throw new MojoFailureException(
                    (meant.isEmpty() ? "no snapshot's key begins" : meant.size() + " snapshots' keys begin")
                            + " with \"" + start + "\" (vm.snapshot) in " + store.directory()
                            + "; vm:snapshots lists them");
        }
        store.remove(meant.get(0).key());
        getLog().info("removed the snapshot of " + meant.get(0).about().what());
    }
}
