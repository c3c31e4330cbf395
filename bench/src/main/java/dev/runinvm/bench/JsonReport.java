package dev.runinvm.bench;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Every run and bar, for programs. */
final class JsonReport {
    private JsonReport() {}

    private record Whole(Map<String, String> contenders, List<OneRun> runs, List<OneBar> bars) {}

    @JsonInclude(JsonInclude.Include.NON_NULL)
    private record OneRun(
            int round,
            String contender,
            String work,
            Map<String, Long> millis,
            long peakBytes,
            Map<String, Long> workMillis,
            Map<String, Long> counters,
            @Nullable String failure) {}

    @JsonInclude(JsonInclude.Include.NON_NULL)
    private record OneBar(String name, @Nullable Double figure, String wanted, String verdict, String basis) {}

    static void write(Path file, List<Contender> contenders, List<Run> runs, List<Bars.Bar> bars) throws IOException {
        Map<String, String> descriptions = new LinkedHashMap<>();
        contenders.forEach(c -> descriptions.put(c.name(), c.description()));
        List<OneRun> allRuns = runs.stream()
                .map(r -> new OneRun(
                        r.round(),
                        r.contender(),
                        r.work().toString(),
                        r.millis(),
                        r.peakBytes(),
                        r.workMillis(),
                        r.counters(),
                        r.failure().orElse(null)))
                .toList();
        List<OneBar> allBars = bars.stream()
                .map(b ->
                        new OneBar(b.name(), b.figure(), b.wanted(), b.verdict().toString(), b.basis()))
                .toList();
        new ObjectMapper()
                .enable(SerializationFeature.INDENT_OUTPUT)
                .writeValue(file.toFile(), new Whole(descriptions, allRuns, allBars));
    }
}
