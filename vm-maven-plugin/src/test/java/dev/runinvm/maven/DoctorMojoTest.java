package dev.runinvm.maven;

import dev.runinvm.engine.Availability;
import dev.runinvm.engine.HostFacts.Fact;
import dev.runinvm.engine.HostFacts.Verdict;
import dev.runinvm.engine.Technique;
import java.util.List;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;

class DoctorMojoTest {
    @Test
    void theReportNamesEveryLackWithItsRemedy() {
        List<String> report = DoctorMojo.report(
                List.of(
                        new Availability(Technique.FULL, List.of(), List.of("slow without CPUID faulting")),
                        new Availability(Technique.HW, List.of("no /dev/kvm; load kvm_amd"), List.of())),
                List.of(
                        new Fact("CPU", "Some CPU", Verdict.OK, ""),
                        new Fact("vm.max_map_count", "100", Verdict.LIMITED, "raise it"),
                        new Fact("seccomp", "none", Verdict.MISSING, "another kernel")));
        assertEquals(
                List.of(
                        "Techniques",
                        "  FULL  usable",
                        "          note: slow without CPUID faulting",
                        "  HW    cannot run here",
                        "          missing: no /dev/kvm; load kvm_amd",
                        "This machine",
                        "  ok      CPU: Some CPU",
                        "  limited vm.max_map_count: 100",
                        "          raise it",
                        "  missing seccomp: none",
                        "          another kernel"),
                report);
    }
}
