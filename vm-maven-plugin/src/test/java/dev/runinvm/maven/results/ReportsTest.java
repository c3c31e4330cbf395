package dev.runinvm.maven.results;

import dev.runinvm.wire.GuestMessage;
import dev.runinvm.wire.GuestMessage.Node;
import dev.runinvm.wire.GuestMessage.Outcome;
import dev.runinvm.wire.Thrown;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import javax.xml.XMLConstants;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.transform.stream.StreamSource;
import javax.xml.validation.SchemaFactory;
import javax.xml.xpath.XPathFactory;
import org.apache.maven.plugin.logging.SystemStreamLog;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Document;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** From a guest's messages to the files that other tools read. */
class ReportsTest {
    private static final String ENGINE = "[engine:junit-jupiter]";
    private static final String TYPE = ENGINE + "/[class:a.FooIT]";

    @TempDir
    Path directory;

    private Results results() {
        return new Results("", directory.resolve("reports"), false);
    }

    private static Recorder recorder(Results results) {
        return new Recorder(results, new Console(new SystemStreamLog()), (stream, text) -> {});
    }

    private static String id(String method) {
        return TYPE + "/[method:" + method + "()]";
    }

    private static Recorder discovered(Results results, String... methods) {
        Recorder recorder = recorder(results);
        List<Node> nodes = Stream.concat(
                        Stream.of(
                                new Node(ENGINE, null, "Jupiter", false, true),
                                new Node(TYPE, ENGINE, "FooIT", false, true, "a.FooIT", null, "a.FooIT")),
                        Stream.of(methods)
                                .map(m -> new Node(id(m), TYPE, m + "()", true, false, "a.FooIT", m, m + "()")))
                .toList();
        recorder.accept(new GuestMessage.Discovered("1.14.4", nodes, List.of()));
        recorder.accept(new GuestMessage.Started(ENGINE));
        recorder.accept(new GuestMessage.Started(TYPE));
        return recorder;
    }

    private static void run(Recorder recorder, String method, Outcome outcome, @Nullable Thrown thrown) {
        recorder.accept(new GuestMessage.Started(id(method)));
        recorder.accept(new GuestMessage.Output(id(method), GuestMessage.Stream.OUT, method + " \u0001 ]]>\n"));
        recorder.accept(new GuestMessage.Finished(id(method), outcome, thrown, 1_234_000_000L));
    }

    private static void end(Recorder recorder) {
        recorder.accept(new GuestMessage.Finished(TYPE, Outcome.SUCCESSFUL, null, 9_000_000_000L));
        recorder.complete();
    }

    private static Thrown thrown(String type, String... supertypes) {
        return new Thrown(
                type,
                List.of(supertypes),
                "it <was> \"so\" \ud800",
                type + ": it was so",
                List.of(new StackTraceElement("a.FooIT", "method", "FooIT.java", 17)),
                null,
                List.of(),
                List.of(),
                null,
                null);
    }

    private static final Thrown WRONG = thrown("x.Failed", "java.lang.AssertionError", "java.lang.Error");
    private static final Thrown BROKEN = thrown("java.lang.IllegalStateException", "java.lang.Exception");

    private Document written(Results results, String name) throws Exception {
        results.write();
        Path file = directory.resolve("reports/TEST-" + name + ".xml");
        SchemaFactory.newInstance(XMLConstants.W3C_XML_SCHEMA_NS_URI)
                .newSchema(new StreamSource(ReportsTest.class.getResourceAsStream("/test-report.xsd")))
                .newValidator()
                .validate(new StreamSource(file.toFile()));
        return DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(file.toFile());
    }

    private static String at(Document document, String path) throws Exception {
        return XPathFactory.newInstance().newXPath().evaluate(path, document);
    }

    @Test
    void everyOutcomeIsWrittenAsTheSchemaHasIt() throws Exception {
        Results results = results();
        results.properties(Map.of("runinvm.technique", "FULL"));
        Recorder recorder = discovered(results, "passes", "isWrong", "breaks", "assumes", "isDisabled");
        run(recorder, "passes", Outcome.SUCCESSFUL, null);
        run(recorder, "isWrong", Outcome.FAILED, WRONG);
        run(recorder, "breaks", Outcome.FAILED, BROKEN);
        run(recorder, "assumes", Outcome.ABORTED, BROKEN);
        recorder.accept(new GuestMessage.Skipped(id("isDisabled"), "for a reason"));
        end(recorder);
        Document xml = written(results, "a.FooIT");
        assertEquals("5", at(xml, "/testsuite/@tests"));
        assertEquals("9.000", at(xml, "/testsuite/@time"));
        assertEquals("1.234", at(xml, "//testcase[@name='passes']/@time"));
        assertEquals("passes \ufffd ]]>\n", at(xml, "//testcase[@name='passes']/system-out"));
        assertEquals("x.Failed", at(xml, "//testcase[@name='isWrong']/failure/@type"));
        assertEquals("it <was> \"so\" \ufffd", at(xml, "//testcase[@name='isWrong']/failure/@message"));
        assertTrue(at(xml, "//testcase[@name='breaks']/error").contains("\tat a.FooIT.method(FooIT.java:17)"));
        assertEquals("for a reason", at(xml, "//testcase[@name='isDisabled']/skipped/@message"));
        Summary summary = results.summary();
        assertEquals(
                "Tests run: 5, Failures: 1, Errors: 1, Skipped: 2",
                summary.counts().toString());
        Path file = directory.resolve("summary.xml");
        summary.write(file);
        assertEquals(summary, Summary.read(file));
    }

    @Test
    void reranTestsAreFlakyIfTheyPassOnce() throws Exception {
        Results results = results();
        Recorder first = discovered(results, "a", "b");
        run(first, "a", Outcome.FAILED, WRONG);
        run(first, "b", Outcome.FAILED, BROKEN);
        end(first);
        Recorder second = discovered(results, "a", "b");
        run(second, "a", Outcome.SUCCESSFUL, null);
        run(second, "b", Outcome.FAILED, WRONG);
        end(second);
        assertEquals(1, results.failing().size());
        Document xml = written(results, "a.FooIT");
        assertEquals("x.Failed", at(xml, "//testcase[@name='a']/flakyFailure/@type"));
        assertEquals("0", at(xml, "count(//testcase[@name='a']/failure)"));
        assertEquals("java.lang.IllegalStateException", at(xml, "//testcase[@name='b']/error/@type"));
        assertEquals("x.Failed", at(xml, "//testcase[@name='b']/rerunFailure/@type"));
        assertEquals(
                "Tests run: 2, Failures: 0, Errors: 1, Skipped: 0, Flakes: 1",
                results.summary().counts().toString());
    }

    @Test
    void whatWasFoundAndNeverEndedIsAnError() throws Exception {
        Results results = results();
        Recorder recorder = discovered(results, "passes", "forgotten");
        run(recorder, "passes", Outcome.SUCCESSFUL, null);
        end(recorder);
        assertEquals(
                "the guest's run ended without a word on it",
                at(written(results, "a.FooIT"), "//testcase[@name='forgotten']/error/@message"));
        assertTrue(results.summary().failed());
    }

    @Test
    void aGuestThatEndsTakesTheClassesWithItThatHadBegun() throws Exception {
        Results results = results();
        Recorder recorder = discovered(results, "exits", "later");
        recorder.accept(new GuestMessage.Started(id("exits")));
        recorder.cutOff(new IllegalStateException("panic"));
        Document xml = written(results, "a.FooIT");
        assertEquals("panic", at(xml, "//testcase[@name='exits']/error/@message"));
        assertEquals(
                "it did not run: its guest had ended before. panic",
                at(xml, "//testcase[@name='later']/error/@message"));
        assertTrue(recorder.hasBegun("a.FooIT"));
        assertFalse(recorder.hasBegun("a.Foo"));
    }

    @Test
    void aFailingSetUpIsOneErrorAndExcusesTheTestsBelow() {
        Results results = results();
        Recorder recorder = discovered(results, "a", "b");
        recorder.accept(new GuestMessage.Finished(TYPE, Outcome.FAILED, BROKEN, 5));
        recorder.complete();
        assertEquals(
                "Tests run: 1, Failures: 0, Errors: 1, Skipped: 0",
                results.summary().counts().toString());
    }

    @Test
    void aDisabledClassCountsItsTests() {
        Results results = results();
        Recorder recorder = discovered(results, "a", "b");
        recorder.accept(new GuestMessage.Skipped(TYPE, "all of it"));
        recorder.complete();
        assertEquals(
                "Tests run: 2, Failures: 0, Errors: 0, Skipped: 2",
                results.summary().counts().toString());
    }

    @Test
    void muchOutputIsKeptInAFileAndWrittenWhole() throws Exception {
        Results results = results();
        Recorder recorder = discovered(results, "prints");
        recorder.accept(new GuestMessage.Started(id("prints")));
        String line = "x".repeat(9999) + "\n";
        for (int i = 0; i < 100; i++) {
            recorder.accept(new GuestMessage.Output(id("prints"), GuestMessage.Stream.ERR, line));
        }
        recorder.accept(new GuestMessage.Finished(id("prints"), Outcome.SUCCESSFUL, null, 1));
        end(recorder);
        Document xml = written(results, "a.FooIT");
        assertEquals(1_000_000, at(xml, "//testcase/system-err").length());
        try (Stream<Path> left = Files.list(directory.resolve("reports"))) {
            assertEquals(2, left.count());
        }
    }
}
