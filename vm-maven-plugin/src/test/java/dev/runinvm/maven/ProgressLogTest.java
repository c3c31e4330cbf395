package dev.runinvm.maven;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;

class ProgressLogTest {
    @Test
    void saysEachPhaseOnceAndEachQuarterOnce() {
        List<String> lines = new ArrayList<>();
        ProgressLog progress = new ProgressLog(lines::add);
        progress.at("fetching", 0, 0);
        progress.at("fetching", 0, 0);
        for (int done = 0; done <= 100; done += 5) {
            progress.at("copying", done, 100);
        }
        progress.at("copying", 250, 100);
        assertEquals(
                List.of("fetching", "copying", "copying: 25 %", "copying: 50 %", "copying: 75 %", "copying: 100 %"),
                lines);
    }
}
