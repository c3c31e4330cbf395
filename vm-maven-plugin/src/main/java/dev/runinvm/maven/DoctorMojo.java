package dev.runinvm.maven;

import dev.runinvm.engine.Availability;
import dev.runinvm.engine.HostFacts;
import dev.runinvm.engine.HostFacts.Fact;
import dev.runinvm.engine.HostFacts.Verdict;
import dev.runinvm.engine.Technique;
import dev.runinvm.engine.Techniques;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.apache.maven.plugin.MojoFailureException;
import org.apache.maven.plugins.annotations.Mojo;
import org.apache.maven.plugins.annotations.Parameter;
import org.jspecify.annotations.Nullable;

/**
 * Tells, for each technique, whether it can run on this machine and, if not, exactly why; then what the machine offers:
 * versions, limits, the image cache. Changes nothing and starts no guest.
 *
 * @since 0.1.0
 */
@Mojo(name = "doctor", requiresProject = false, threadSafe = true)
public class DoctorMojo extends AbstractVmMojo {
    /**
     * A technique that must be usable: if it is not, the build fails. By default the goal only reports.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.technique")
    private @Nullable Technique technique;

    @Override
    void run() throws MojoFailureException {
        List<Availability> techniques = new ArrayList<>();
        for (Technique each : Technique.values()) {
            techniques.add(Techniques.availability(each));
        }
        report(techniques, HostFacts.probe()).forEach(getLog()::info);
        for (Availability each : techniques) {
            if (each.technique() == technique && !each.usable()) {
                throw new MojoFailureException(
                        "technique " + technique + " cannot run here: " + String.join("; ", each.missing()));
            }
        }
    }

    /** The report, line by line. */
    static List<String> report(List<Availability> techniques, List<Fact> facts) {
        List<String> lines = new ArrayList<>();
        lines.add("Techniques");
        for (Availability each : techniques) {
            lines.add(String.format(
                    Locale.ROOT, "  %-5s %s", each.technique(), each.usable() ? "usable" : "cannot run here"));
            each.missing().forEach(missing -> lines.add("          missing: " + missing));
            each.notes().forEach(note -> lines.add("          note: " + note));
        }
        lines.add("This machine");
        for (Fact fact : facts) {
            lines.add(String.format(Locale.ROOT, "  %-8s%s: %s", mark(fact.verdict()), fact.name(), fact.value()));
            if (!fact.advice().isEmpty()) {
                lines.add("          " + fact.advice());
            }
        }
        return lines;
    }

    private static String mark(Verdict verdict) {
        return switch (verdict) {
            case OK -> "ok";
            case LIMITED -> "limited";
            case MISSING -> "missing";
        };
    }
}
