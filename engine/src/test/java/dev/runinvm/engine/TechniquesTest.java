package dev.runinvm.engine;

import dev.runinvm.engine.machine.GuestMemory;
import dev.runinvm.engine.snapshot.SnapshotFile;
import dev.runinvm.engine.snapshot.SnapshotWriter;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

class TechniquesTest {
    @Test
    void aTechniqueThatHasNotGotWhatIsAskedForSaysWhoHas() {
        HostLacks several = assertThrows(
                HostLacks.class,
                () -> Techniques.start(VmConfig.of(Technique.FULL).cpus(4)));
        assertTrue(
                several.getMessage()
                        .contains("technique FULL does not run guests of more than one processor; those that do: HW"),
                several.getMessage());
        HostLacks clock = assertThrows(
                HostLacks.class,
                () -> Techniques.start(VmConfig.of(Technique.FULL).paravirtualClock(true)));
        assertTrue(clock.getMessage().contains("hypervisor's clock; those that do: HW"), clock.getMessage());
        HostLacks disks = assertThrows(
                HostLacks.class,
                () -> Techniques.start(VmConfig.of(Technique.FULL).disk(Path.of("disk"), true)));
        assertTrue(disks.getMessage().contains("guests with disks; those that do: PARA"), disks.getMessage());
    }

    @Test
    void aTechniqueWhoseGuestsCannotBeWrittenDownSaysSo() {
        assertTrue(Techniques.snapshotObstacle(Technique.FULL).isEmpty());
        assertTrue(Techniques.snapshotObstacle(Technique.PARA).isEmpty());
        assumeTrue(System.getProperty("runinvm.hw.snapshots") == null);
        String hw = Techniques.snapshotObstacle(Technique.HW).orElseThrow();
        assertTrue(hw.contains("technique HW") && hw.contains("-Druninvm.hw.snapshots=true"), hw);
    }

    @Test
    void whoeverAsksForASnapshotAllTheSameIsToldTheReason(@TempDir Path directory) throws Exception {
        assumeTrue(System.getProperty("runinvm.hw.snapshots") == null);
        Path file = directory.resolve("one");
        try (GuestMemory memory = GuestMemory.create(64 << 20)) {
            SnapshotWriter.write(file, memory, new byte[1]);
        }
        SnapshotFile snapshot = SnapshotFile.open(file);
        VmConfig config = VmConfig.of(Technique.HW);
        for (Executable ask : List.<Executable>of(
                () -> Techniques.restore(config, snapshot),
                () -> Techniques.snapshotKey(config),
                () -> Techniques.snapshotShape(config))) {
            HostLacks e = assertThrows(HostLacks.class, ask);
            assertTrue(
                    e.getMessage().contains("with technique HW guests have gone on from snapshots only"),
                    e.getMessage());
        }
    }

    /** One that is to come and says nothing of snapshots. */
    @Test
    void aTechniqueThatSaysNothingOfSnapshotsHasNone() {
        TechniqueProvider other = new TechniqueProvider() {
            @Override
            public Technique technique() {
                return Technique.HW;
            }

            @Override
            public Availability availability() {
                return new Availability(Technique.HW, List.of(), List.of());
            }

            @Override
            public Vm start(VmConfig config) {
                throw new UnsupportedOperationException();
            }
        };
        assertEquals(
                "technique HW cannot take snapshots in this version",
                other.snapshotObstacle().orElseThrow());
        assertEquals("", other.snapshotClock());
    }

    @Test
    void aGuestHasAtLeastOneProcessor() {
        VmConfig config = VmConfig.of(Technique.HW);
        assertThrows(HostLacks.class, () -> config.cpus(0));
        assertThrows(HostLacks.class, () -> config.cpus(VmConfig.MOST_CPUS + 1));
    }
}
