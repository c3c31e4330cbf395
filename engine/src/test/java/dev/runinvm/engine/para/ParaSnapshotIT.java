package dev.runinvm.engine.para;

import dev.runinvm.engine.SnapshotScenarios;
import dev.runinvm.engine.Technique;
import dev.runinvm.engine.VmConfig;
import dev.runinvm.engine.image.PreparedImages;
import dev.runinvm.engine.snapshot.SnapshotFile;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Timeout;

/** A guest of technique PARA is written down in the middle of its work. */
@Timeout(600)
class ParaSnapshotIT extends SnapshotScenarios {
    ParaSnapshotIT() {
        super(Technique.PARA);
    }

    @Override
    protected List<String> clocks() {
        return List.of("nanos", "tsc", "systemTime");
    }

    @Override
    protected void writeAgain(VmConfig config, SnapshotFile snapshot, Path file) {
        ParaMachine machine = new ParaMachine(config, PreparedImages.of(config, true), snapshot);
        machine.write(file);
        machine.start().close();
    }
}
