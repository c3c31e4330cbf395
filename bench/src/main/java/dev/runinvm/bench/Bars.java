package dev.runinvm.bench;

import dev.runinvm.bench.guest.GuestMain;
import dev.runinvm.engine.Technique;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;

/** What the techniques have promised, beside what was measured. */
final class Bars {
    /** So many boots in a row, none of which fails. */
    static final int BOOTS = 50;
    /** So many restores in a row, none of which fails or leaves anything. */
    static final int RESTORES = 500;

    private static final String FULL = "full";
    private static final String PARA = "para";
    private static final double MOST_OF_TCG = 1.0;
    private static final double MOST_OF_FULL = 1.0;
    private static final double LEAST_OF_NATIVE = 0.9;
    private static final double MOST_MEMORY = 1.3;
    private static final double MOST_MILLIS_PER_TEST = 20;
    private static final double LEAST_RESTORE_RATIO = 15;
    private static final double MOST_RESTORE_MILLIS = 500;
    /** Restores after which whatever grows with their number is a leak; before that, the JVM warms up. */
    private static final int SETTLED = 100;
    /** What memory may differ by without having grown: a garbage collector's whims. */
    private static final double MOST_GROWTH = 1.1;

    /** How a bar came out. */
    enum Verdict {
        MET,
        NOT_MET,
        NOT_MEASURED;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT).replace('_', ' ');
        }
    }

    /**
     * One promise.
     *
     * @param name what of what
     * @param figure what was measured; null if it was not
     * @param wanted the bound, for people
     * @param basis how many measurements are behind the figure, or what to do to get one
     */
    record Bar(String name, @Nullable Double figure, String wanted, Verdict verdict, String basis) {}

    private Bars() {}

    static List<Bar> of(List<Run> runs) {
        List<Bar> bars = new ArrayList<>();
        bars.add(firstResult(runs));
        bars.add(paraFirstResult(runs));
        bars.addAll(cpu(runs));
        bars.addAll(micro(runs));
        bars.add(memory(runs));
        bars.add(overhead(runs));
        for (Technique technique : List.of(Technique.FULL, Technique.PARA)) {
            bars.addAll(restore(runs, technique));
            bars.add(restores(runs, technique));
            bars.add(flat(runs, technique));
        }
        bars.add(boots(runs, PARA));
        bars.add(boots(runs, FULL));
        return bars;
    }

    private static List<Bar> restore(List<Run> runs, Technique technique) {
        String restoredName = Starts.restored(technique);
        String coldName = Starts.cold(technique);
        List<Double> restored = firstResults(runs, restoredName);
        List<Double> cold = firstResults(runs, coldName);
        String needs = "needs --work restore";
        OptionalDouble ratio = OptionalDouble.empty();
        if (!restored.isEmpty() && !cold.isEmpty()) {
            ratio = OptionalDouble.of(
                    Report.middle(cold).orElseThrow() / Report.middle(restored).orElseThrow());
        }
        List<Double> share = new ArrayList<>();
        for (Run many : together(runs, restoredName)) {
            together(runs, coldName).stream()
                    .filter(other -> memoryEach(many) > 0 && memoryEach(other) > 0)
                    .forEach(other -> share.add(memoryEach(many) / memoryEach(other)));
        }
        List<Double> ofTouched = together(runs, coldName).stream()
                .filter(r -> memoryEach(r) > 0 && touched(r) > 0)
                .map(r -> memoryEach(r) / touched(r))
                .toList();
        return List.of(
                atMost("memory of a guest among others / RAM it touched, " + technique, ofTouched, MOST_MEMORY, needs),
                judged(
                        "restored start to first test result, ms, " + technique,
                        Report.middle(restored),
                        "<= " + number(MOST_RESTORE_MILLIS),
                        m -> m <= MOST_RESTORE_MILLIS,
                        basis(restored, needs)),
                judged(
                        "cold start / restored start, " + technique + ", medians",
                        ratio,
                        ">= " + number(LEAST_RESTORE_RATIO),
                        m -> m >= LEAST_RESTORE_RATIO,
                        ratio.isEmpty() ? needs : "cold: " + basis(cold, needs)),
                judged(
                        "memory of a restored guest / a cold one's, " + technique,
                        Report.middle(share),
                        "< " + number(1),
                        m -> m < 1,
                        share.isEmpty()
                                ? together(runs, restoredName).isEmpty()
                                        ? needs
                                        : "what was measured cannot be: a guest takes memory; measure again"
                                : "of guests alive at once: "
                                        + together(runs, restoredName).stream()
                                                .map(r -> number(memoryEach(r) / (1 << 20)) + " MiB each")
                                                .findFirst()
                                                .orElse("")));
    }

    private static List<Double> firstResults(List<Run> runs, String contender) {
        return of(runs, Work.RESTORE, contender).stream()
                .filter(r -> r.round() > 0)
                .map(r -> r.millis().getOrDefault(Run.FIRST_RESULT, 0L).doubleValue())
                .toList();
    }

    private static List<Run> together(List<Run> runs, String contender) {
        return of(runs, Work.RESTORE, contender).stream()
                .filter(r -> r.counters().containsKey(Starts.PER_GUEST))
                .toList();
    }

    private static double memoryEach(Run run) {
        return run.counters().getOrDefault(Starts.PER_GUEST, 0L);
    }

    private static double touched(Run run) {
        return run.counters().getOrDefault(Run.TOUCHED, 0L);
    }

    private static Bar restores(List<Run> runs, Technique technique) {
        String name = Starts.restored(technique);
        List<Run> all = runs.stream()
                .filter(r -> r.work() == Work.RESTORES && r.contender().equals(name))
                .toList();
        return inARow(
                "restores in a row without a failure, " + technique, all, RESTORES, "--work restores --restores ");
    }

    /** The most that anything has grown by after the first restores. */
    private static Bar flat(List<Run> runs, Technique technique) {
        List<Run> later = of(runs, Work.RESTORES, Starts.restored(technique)).stream()
                .filter(r -> r.round() >= SETTLED)
                .toList();
        double growth = 0;
        String what = "";
        for (String name :
                List.of(Starts.DESCRIPTORS, Starts.PROCESSES, Starts.THREADS, Starts.MAPPINGS, Starts.HELD)) {
            List<Long> values = later.stream()
                    .filter(r -> r.counters().containsKey(name))
                    .map(r -> r.counters().getOrDefault(name, 0L))
                    .toList();
            if (values.size() > 1) {
                // One more of each, for of processes there are none to start with.
                double times = (values.get(values.size() - 1) + 1.0) / (values.get(0) + 1.0);
                what += (what.isEmpty() ? "" : ", ") + name + " " + values.get(0) + " to "
                        + values.get(values.size() - 1);
                growth = Math.max(growth, times);
            }
        }
        return judged(
                "what restores in a row leave over, growth, " + technique,
                growth == 0 ? OptionalDouble.empty() : OptionalDouble.of(growth),
                "<= " + number(MOST_GROWTH),
                m -> m <= MOST_GROWTH,
                growth == 0 ? "needs --work restores with more than " + SETTLED + " restores" : what);
    }

    private static Bar firstResult(List<Run> runs) {
        List<Double> ratios = pairs(runs, Work.JUNIT, FULL, "qemu-tcg", Bars::firstResult, (full, tcg) -> full / tcg);
        return atMost(
                "cold boot to first test result, FULL / QEMU TCG",
                ratios,
                MOST_OF_TCG,
                "needs --work junit with full and qemu-tcg");
    }

    private static long firstResult(Run run) {
        return run.millis().getOrDefault(Run.FIRST_RESULT, 0L);
    }

    private static Bar paraFirstResult(List<Run> runs) {
        List<Double> ratios = pairs(runs, Work.JUNIT, PARA, FULL, Bars::firstResult, (para, full) -> para / full);
        return atMost(
                "cold boot to first test result, PARA / FULL",
                ratios,
                MOST_OF_FULL,
                "needs --work junit with para and full");
    }

    private static List<Bar> micro(List<Run> runs) {
        List<Bar> bars = new ArrayList<>();
        for (String kind : kinds(runs, Work.MICRO, PARA)) {
            List<Double> ratios = pairs(
                    runs,
                    Work.MICRO,
                    PARA,
                    FULL,
                    r -> r.workMillis().getOrDefault(kind, 0L),
                    (para, full) -> para / full);
            bars.add(atMost(kind + ", PARA / FULL", ratios, MOST_OF_FULL, "needs --work micro with para and full"));
        }
        return bars;
    }

    /** The kinds of work that a contender did; if none, the work's name. */
    private static Set<String> kinds(List<Run> runs, Work work, String contender) {
        Set<String> kinds = new LinkedHashSet<>();
        of(runs, work, contender).forEach(r -> kinds.addAll(r.workMillis().keySet()));
        if (kinds.isEmpty()) {
            kinds.add(work.toString());
        }
        return kinds;
    }

    private static List<Bar> cpu(List<Run> runs) {
        List<Bar> bars = new ArrayList<>();
        for (String kind : kinds(runs, Work.CPU, FULL)) {
            List<Double> ratios = pairs(
                    runs,
                    Work.CPU,
                    FULL,
                    "native",
                    r -> r.workMillis().getOrDefault(kind, 0L),
                    (full, bare) -> bare / full);
            bars.add(judged(
                    kind + ", native's time / FULL's",
                    Report.middle(ratios),
                    ">= " + number(LEAST_OF_NATIVE),
                    m -> m >= LEAST_OF_NATIVE,
                    basis(ratios, "needs --work cpu with full and native")));
        }
        return bars;
    }

    private static Bar memory(List<Run> runs) {
        List<Double> ratios = of(runs, Work.JUNIT, FULL).stream()
                .filter(r -> r.counters().getOrDefault(Run.TOUCHED, 0L) > 0)
                .map(r -> r.peakBytes()
                        / (double) Objects.requireNonNull(r.counters().get(Run.TOUCHED)))
                .toList();
        return atMost(
                "memory of a JVM with one guest / RAM it touched, FULL",
                ratios,
                MOST_MEMORY,
                "needs --work junit with full");
    }

    private static Bar boots(List<Run> runs, String contender) {
        List<Run> boots = runs.stream()
                .filter(r -> r.work() == Work.BOOTS && r.contender().equals(contender))
                .toList();
        String name = "boots in a row without a failure, " + contender.toUpperCase(Locale.ROOT);
        return inARow(name, boots, BOOTS, "--work boots --boots ");
    }

    private static Bar inARow(String name, List<Run> runs, int least, String option) {
        long bad = runs.stream().filter(r -> !r.good()).count();
        if (runs.size() < least && bad == 0) {
            return new Bar(
                    name,
                    runs.isEmpty() ? null : (double) runs.size(),
                    ">= " + least,
                    Verdict.NOT_MEASURED,
                    "needs " + option + least);
        }
        return new Bar(
                name,
                (double) (runs.size() - bad),
                ">= " + least,
                bad == 0 ? Verdict.MET : Verdict.NOT_MET,
                bad + " of " + runs.size() + " failed");
    }

    private static Bar overhead(List<Run> runs) {
        List<Double> costs = new ArrayList<>();
        for (Run full : of(runs, Work.OVERHEAD, FULL + "-junit")) {
            of(runs, Work.OVERHEAD, "native").stream()
                    .filter(r -> r.round() == full.round())
                    .findFirst()
                    .ifPresent(bare -> costs.add((perTest(full) - perTest(bare)) / 1000.0));
        }
        return atMost(
                "milliseconds that a test costs beyond native, FULL",
                costs,
                MOST_MILLIS_PER_TEST,
                "needs --work overhead with full-junit and native");
    }

    private static long perTest(Run run) {
        return run.workMillis().getOrDefault(GuestMain.PER_TEST, 0L);
    }

    private interface Ratio {
        double of(double own, double peer);
    }

    /** Ratios within a round: the machine's pace drifts from one to the next. */
    private static List<Double> pairs(
            List<Run> runs, Work work, String contender, String peer, ToLongFunction<Run> figure, Ratio ratio) {
        List<Double> ratios = new ArrayList<>();
        for (Run run : of(runs, work, contender)) {
            Optional<Run> other = of(runs, work, peer).stream()
                    .filter(r -> r.round() == run.round())
                    .findFirst();
            long mine = figure.applyAsLong(run);
            long others = other.map(figure::applyAsLong).orElse(0L);
            if (mine > 0 && others > 0) {
                ratios.add(ratio.of(mine, others));
            }
        }
        return ratios;
    }

    private static List<Run> of(List<Run> runs, Work work, String contender) {
        return runs.stream()
                .filter(r -> r.good() && r.work() == work && r.contender().equals(contender))
                .toList();
    }

    private static Bar atMost(String name, List<Double> ratios, double most, String needs) {
        return judged(name, Report.middle(ratios), "<= " + number(most), m -> m <= most, basis(ratios, needs));
    }

    private interface Bound {
        boolean holds(double figure);
    }

    private static Bar judged(String name, OptionalDouble figure, String wanted, Bound bound, String basis) {
        if (figure.isEmpty()) {
            return new Bar(name, null, wanted, Verdict.NOT_MEASURED, basis);
        }
        double value = figure.getAsDouble();
        return new Bar(name, value, wanted, bound.holds(value) ? Verdict.MET : Verdict.NOT_MET, basis);
    }

    private static String basis(List<Double> ratios, String needs) {
        return ratios.isEmpty()
                ? needs
                : "median of " + ratios.size() + (ratios.size() == 1 ? " round" : " rounds") + ", "
                        + number(ratios.stream().min(Double::compare).orElseThrow()) + " to "
                        + number(ratios.stream().max(Double::compare).orElseThrow());
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, "%.2f", value);
    }

    /** For people. */
    static String text(List<Bar> bars) {
        StringBuilder text = new StringBuilder(
                String.format(Locale.ROOT, "%-50s %8s %8s  %-12s%n", "bars", "figure", "wanted", "verdict"));
        for (Bar bar : bars) {
            String figure = bar.figure() == null ? "-" : number(bar.figure());
            text.append(String.format(
                    Locale.ROOT,
                    "%-50s %8s %8s  %-12s (%s)%n",
                    bar.name(),
                    figure,
                    bar.wanted(),
                    bar.verdict(),
                    bar.basis()));
        }
        return text.toString();
    }
}
