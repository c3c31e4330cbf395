package dev.runinvm.bench;

import dev.runinvm.bench.guest.GuestMain;
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

/** What technique FULL has promised, beside what was measured. */
final class Bars {
    /** So many boots in a row, none of which fails. */
    static final int BOOTS = 50;

    private static final String FULL = "full";
    private static final double MOST_OF_TCG = 1.0;
    private static final double LEAST_OF_NATIVE = 0.9;
    private static final double MOST_MEMORY = 1.3;
    private static final double MOST_MILLIS_PER_TEST = 20;

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
        bars.addAll(cpu(runs));
        bars.add(memory(runs));
        bars.add(overhead(runs));
        bars.add(boots(runs));
        return bars;
    }

    private static Bar firstResult(List<Run> runs) {
        List<Double> ratios = pairs(
                runs,
                Work.JUNIT,
                "qemu-tcg",
                r -> r.millis().getOrDefault(Run.FIRST_RESULT, 0L),
                (full, tcg) -> full / tcg);
        return atMost(
                "cold boot to first test result, FULL / QEMU TCG",
                ratios,
                MOST_OF_TCG,
                "needs --work junit with full and qemu-tcg");
    }

    private static List<Bar> cpu(List<Run> runs) {
        Set<String> kinds = new LinkedHashSet<>();
        of(runs, Work.CPU, FULL).forEach(r -> kinds.addAll(r.workMillis().keySet()));
        if (kinds.isEmpty()) {
            kinds.add("cpu");
        }
        List<Bar> bars = new ArrayList<>();
        for (String kind : kinds) {
            List<Double> ratios = pairs(
                    runs, Work.CPU, "native", r -> r.workMillis().getOrDefault(kind, 0L), (full, bare) -> bare / full);
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
                "memory of the host / guest RAM touched, FULL", ratios, MOST_MEMORY, "needs --work junit with full");
    }

    private static Bar boots(List<Run> runs) {
        List<Run> boots = runs.stream()
                .filter(r -> r.work() == Work.BOOTS && r.contender().equals(FULL))
                .toList();
        long bad = boots.stream().filter(r -> !r.good()).count();
        String name = "boots in a row without a failure, FULL";
        if (boots.size() < BOOTS && bad == 0) {
            return new Bar(
                    name,
                    boots.isEmpty() ? null : (double) boots.size(),
                    ">= " + BOOTS,
                    Verdict.NOT_MEASURED,
                    "needs --work boots --boots " + BOOTS);
        }
        return new Bar(
                name,
                (double) (boots.size() - bad),
                ">= " + BOOTS,
                bad == 0 ? Verdict.MET : Verdict.NOT_MET,
                bad + " of " + boots.size() + " failed");
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
        double of(double full, double peer);
    }

    /** Ratios within a round: the machine's pace drifts from one to the next. */
    private static List<Double> pairs(List<Run> runs, Work work, String peer, ToLongFunction<Run> figure, Ratio ratio) {
        List<Double> ratios = new ArrayList<>();
        for (Run full : of(runs, work, FULL)) {
            Optional<Run> other = of(runs, work, peer).stream()
                    .filter(r -> r.round() == full.round())
                    .findFirst();
            long mine = figure.applyAsLong(full);
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
