package dev.runinvm.agent.bridge;

import java.util.ArrayList;
import java.util.List;
import org.junit.platform.engine.DiscoverySelector;
import org.junit.platform.engine.SelectorResolutionResult;
import org.junit.platform.engine.UniqueId;
import org.junit.platform.launcher.LauncherDiscoveryListener;

/** Keeps what failed while tests were looked for: a class that won't load, for one. */
final class DiscoveryProblems implements LauncherDiscoveryListener {
    private final List<String> texts = new ArrayList<>();

    @Override
    public void selectorProcessed(UniqueId engineId, DiscoverySelector selector, SelectorResolutionResult result) {
        result.getThrowable().ifPresent(t -> {
            StringBuilder text = new StringBuilder(selector + " failed in " + engineId);
            int depth = 0;
            for (Throwable c = t; c != null && depth < 10; c = c.getCause(), depth++) {
                text.append(": ").append(c);
            }
            texts.add(text.toString());
        });
    }

    List<String> texts() {
        return texts;
    }
}
