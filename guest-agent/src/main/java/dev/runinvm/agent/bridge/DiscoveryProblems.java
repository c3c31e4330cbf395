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
        result.getThrowable().ifPresent(t -> add(selector + " failed in " + engineId, t));
    }

    /** A class that was to be looked through and cannot be loaded. */
    void unloadable(String className, Throwable why) {
        add("class '" + className + "' cannot be loaded", why);
    }

    private void add(String what, Throwable why) {
        StringBuilder text = new StringBuilder(what);
        int depth = 0;
        for (Throwable c = why; c != null && depth < 10; c = c.getCause(), depth++) {
            text.append(": ").append(c);
        }
        texts.add(text.toString());
    }

    List<String> texts() {
        return texts;
    }
}
