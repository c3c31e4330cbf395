package dev.runinvm.report;

import dev.runinvm.report.RunDocument.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class RunDocumentsTest {
    private static final RunDocument RUN = SampleRuns.run(
            "FULL",
            List.of(
                    SampleRuns.passed("passes"),
                    SampleRuns.failed("fails", "java.lang.AssertionError", "expected 1 but was 2"),
                    SampleRuns.printing("prints", "größer ➜ 日本語 \uD83D\uDE00 \u0000\u001b[1m </script>"),
                    SampleRuns.test("skipped", Outcome.SKIPPED, null, "")));

    @TempDir
    Path directory;

    @Test
    void whatWasWrittenIsReadAgain() throws IOException {
        Path file = RunDocuments.write(RUN, directory, 1);

        assertEquals(RUN, RunDocuments.read(file));
        assertEquals("run-FULL.json", file.getFileName().toString());
    }

    @Test
    void everyDocumentKeepsToTheSchema() throws IOException {
        assertEquals(List.of(), errors(RunDocuments.toJson(RUN)));
    }

    @Test
    void theSchemaRefusesWhatIsNoDocument() throws IOException {
        String json = RunDocuments.toJson(RUN);

        assertFalse(errors(json.replace("\"FAILED\"", "\"BROKEN\"")).isEmpty());
        assertFalse(errors(json.replace("\"memoryBytes\"", "\"memory\"")).isEmpty());
        assertFalse(errors(json.replace("\"version\" : 1", "\"version\" : 2")).isEmpty());
    }

    /** Each component of each record has a description's place in the schema, and the other way round. */
    @Test
    void theSchemaNamesEveryComponent() throws IOException {
        String schema = Schemas.text("run.schema.json");
        for (Class<?> type : Stream.concat(
                        Stream.of(RunDocument.class), Stream.of(RunDocument.class.getDeclaredClasses()))
                .filter(Class::isRecord)
                .toList()) {
            for (var component : type.getRecordComponents()) {
                assertTrue(
                        schema.contains("\"" + component.getName() + "\":"),
                        type.getSimpleName() + "." + component.getName());
            }
        }
    }

    @Test
    void aFirstRunRemovesWhatAnEarlierJvmLeft() throws IOException {
        RunDocuments.write(RUN, directory, 1);
        RunDocuments.write(RUN, directory, 2);
        RunDocuments.write(SampleRuns.run("PARA", List.of()), directory, 2);
        assertEquals(3, RunDocuments.find(directory).runs().size());

        RunDocuments.write(RUN, directory, 1);

        assertEquals(
                List.of("FULL", "PARA"),
                RunDocuments.find(directory).runs().stream()
                        .map(RunDocument::technique)
                        .toList());
    }

    @Test
    void writingLeavesNothingElseBehind() throws IOException {
        RunDocuments.write(RUN, directory, 1);

        try (Stream<Path> files = Files.list(directory)) {
            assertEquals(
                    List.of("run-FULL.json"),
                    files.map(f -> f.getFileName().toString()).toList());
        }
    }

    @Test
    void whatIsNoDocumentIsNamedAndTheRestIsRead() throws IOException {
        RunDocuments.write(RUN, directory.resolve("a"), 1);
        Files.writeString(directory.resolve("run-CUT.json"), "{\"version\": 1, \"id\": \"x");
        Files.writeString(directory.resolve("run-NEW.json"), "{\"version\": 99}");
        Files.writeString(directory.resolve("run-POOR.json"), "{\"version\": 1, \"id\": \"x\"}");
        Files.writeString(directory.resolve("run-LIST.json"), "[]");
        Files.writeString(directory.resolve("other.json"), "{}");

        RunDocuments.Found found = RunDocuments.find(directory);

        assertEquals(1, found.runs().size());
        assertEquals(4, found.problems().size(), found.problems().toString());
        assertTrue(
                found.problems().toString().contains("version 99"),
                found.problems().toString());
        assertTrue(
                found.problems().toString().contains("\"technique\""),
                found.problems().toString());
    }

    @Test
    void linksAreRelativeToTheFolderAskedForAndNeverLeadOutOfIt() throws IOException {
        RunDocument run = SampleRuns.run("FULL", List.of());
        RunDocument leading = new RunDocument(
                run.version(),
                run.id(),
                run.technique(),
                run.name(),
                run.className(),
                run.selected(),
                run.startedAt(),
                run.nanos(),
                run.host(),
                run.guest(),
                run.phases(),
                run.counters(),
                run.tests(),
                run.output(),
                run.end(),
                List.of(
                        new RunDocument.FileLink("console", "console.log"),
                        new RunDocument.FileLink("elsewhere", "../../../etc/passwd")),
                run.notes());
        RunDocuments.write(leading, directory.resolve("example.GuestTest"), 1);

        assertEquals(
                List.of(new RunDocument.FileLink("console", "example.GuestTest/console.log")),
                RunDocuments.find(directory).runs().get(0).files());
    }

    @Test
    void noFolderHasNoDocuments() throws IOException {
        assertEquals(List.of(), RunDocuments.find(directory.resolve("absent")).runs());
    }

    @Test
    void aFileThatIsTooLargeIsNotRead() throws IOException {
        Path file = directory.resolve("run-FULL.json");
        try (var channel = java.nio.channels.FileChannel.open(
                file, java.nio.file.StandardOpenOption.CREATE, java.nio.file.StandardOpenOption.WRITE)) {
            channel.write(java.nio.ByteBuffer.wrap(new byte[] {'{'}), RunDocuments.MOST_BYTES);
        }

        IOException e = assertThrows(IOException.class, () -> RunDocuments.read(file));
        assertTrue(e.getMessage().contains("larger"), e.getMessage());
    }

    @Test
    void longTextIsCutBetweenCharactersAndCounted() {
        BoundedText text = new BoundedText(5);
        text.append("abcd");
        text.append("\uD83D\uDE00ef");
        text.append("g");

        assertEquals(new RunDocument.Output("abcd", 5), text.output());
    }

    private static List<String> errors(String json) throws IOException {
        return Schemas.errors(Schemas.RUN, json);
    }
}
