package dev.runinvm.examples;

import dev.runinvm.junit.RunInVM;
import java.io.RandomAccessFile;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.testkit.engine.EngineExecutionResults;
import org.junit.platform.testkit.engine.EngineTestKit;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

/** Files that a guest has no room for end in one sentence, not in a guest that dies of them. */
class RoomTest {
    @RunInVM(memory = "448M")
    static class Small {
        @Test
        void never() {}
    }

    @Test
    void theSentenceSaysWhatIsTooLargeAndWhatToDo(@TempDir Path directory) throws Exception {
        Path large = directory.resolve("large.data");
        try (RandomAccessFile file = new RandomAccessFile(large.toFile(), "rw")) {
            file.setLength(200 << 20);
        }
        EngineExecutionResults results = EngineTestKit.engine("junit-jupiter")
                .selectors(selectClass(Small.class))
                .configurationParameter("runinvm.files", large + ":/data/large.data")
                .configurationParameter("runinvm.snapshots", "false")
                .execute();
        List<String> failures = results.allEvents().failed().list().stream()
                .map(e -> e.getRequiredPayload(TestExecutionResult.class)
                        .getThrowable()
                        .orElseThrow()
                        .getMessage())
                .toList();
        assertEquals(1, failures.size(), failures::toString);
        assertTrue(
                failures.get(0)
                        .contains("cannot place large.data of the host's at /data/large.data: the guest has no room for"
                                + " large.data of 200 MiB: "),
                failures::toString);
        assertTrue(failures.get(0).contains("give it more memory"), failures::toString);
    }
}
