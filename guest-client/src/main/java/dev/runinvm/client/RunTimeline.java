package dev.runinvm.client;

import dev.runinvm.report.PhaseNames;
import dev.runinvm.report.RunDocument.Phase;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;

/** Moments of a run, made into phases without gaps between them: each moment ends the phase that has its name. */
final class RunTimeline {
    /** What comes before the moments that consoles tell of. */
    private static final Map<String, String> CONSOLE = Map.of(
            "loaded", PhaseNames.LOAD,
            "restored", PhaseNames.RESTORE,
            "kernel", PhaseNames.EARLY_KERNEL,
            "init", PhaseNames.KERNEL,
            "disks", PhaseNames.INIT,
            "start agent", PhaseNames.INIT);

    private record Moment(String phase, long at) {}

    private final List<Moment> moments = new ArrayList<>();

    /**
     * Notes a moment.
     *
     * @param phase what it ends
     * @param at nanoseconds since the run's start
     */
    void add(String phase, long at) {
        moments.add(new Moment(phase, Math.max(0, at)));
    }

    boolean has(String phase) {
        return moments.stream().anyMatch(m -> m.phase.equals(phase));
    }

    /**
     * Notes what the guest's console has told of.
     *
     * @param start when the console's clock began, in nanoseconds since the run's start
     * @param end moments after it are not part of the boot
     */
    void addConsole(Map<String, Long> phases, long start, long end) {
        phases.forEach((name, at) -> {
            if (start + at <= end) {
                add(CONSOLE.getOrDefault(name, name), start + at);
            }
        });
    }

    /**
     * The phases; they sum to {@code total}.
     *
     * @param last name of what comes after the last moment
     * @param total nanoseconds from the run's start to its end
     */
    List<Phase> phases(String last, long total) {
        List<Moment> ordered = new ArrayList<>(moments);
        ordered.sort(Comparator.comparingLong(Moment::at));
        ordered.add(new Moment(last, total));
        List<Phase> phases = new ArrayList<>();
        long from = 0;
        for (Moment moment : ordered) {
            long to = Math.min(total, Math.max(from, moment.at));
            Phase before = phases.isEmpty() ? null : phases.get(phases.size() - 1);
            if (before != null && before.name().equals(moment.phase)) {
                phases.set(phases.size() - 1, new Phase(before.name(), before.startNanos(), to - before.startNanos()));
            } else if (to > from) {
                phases.add(new Phase(moment.phase, from, to - from));
            }
            from = to;
        }
        return List.copyOf(phases);
    }
}
