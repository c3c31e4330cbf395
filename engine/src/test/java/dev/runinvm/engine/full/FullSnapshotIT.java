package dev.runinvm.engine.full;

import dev.runinvm.engine.SnapshotScenarios;
import dev.runinvm.engine.Technique;
import dev.runinvm.engine.VmConfig;
import dev.runinvm.engine.image.PreparedImages;
import dev.runinvm.engine.snapshot.SnapshotFile;
import java.nio.file.Path;
import org.junit.jupiter.api.Timeout;

/** A guest of technique FULL is written down in the middle of its work. */
@Timeout(600)
class FullSnapshotIT extends SnapshotScenarios {
    FullSnapshotIT() {
        super(Technique.FULL);
    }

    @Override
    protected void writeAgain(VmConfig config, SnapshotFile snapshot, Path file) {
        FullMachine machine = new FullMachine(config, PreparedImages.of(config, true), snapshot);
        machine.write(file);
        machine.start().close();
    }
}
