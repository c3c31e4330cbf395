package dev.runinvm.engine.full;

import dev.runinvm.engine.PlainGuestScenarios;
import dev.runinvm.engine.Technique;
import java.time.Duration;
import org.junit.jupiter.api.Timeout;

/** The stock kernel boots under FULL, runs what it is told, and ends as it should, whatever the way. */
@Timeout(180)
class FullGuestIT extends PlainGuestScenarios {
    FullGuestIT() {
        super(Technique.FULL, Duration.ofSeconds(120));
    }
}
