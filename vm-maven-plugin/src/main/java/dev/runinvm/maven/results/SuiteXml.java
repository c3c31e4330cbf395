package dev.runinvm.maven.results;

import dev.runinvm.maven.results.Attempt.Outcome;
import java.io.IOException;
import java.io.Reader;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import javax.xml.stream.XMLOutputFactory;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamWriter;

/** Writes a class's results as Surefire does: {@code TEST-*.xml}, as its surefire-test-report.xsd has it. */
final class SuiteXml {
    private static final String SCHEMA =
            "https://maven.apache.org/surefire/maven-surefire-plugin/xsd/surefire-test-report.xsd";
    private static final String XSI = "http://www.w3.org/2001/XMLSchema-instance";
    private static final int BUFFER = 8192;

    private final XMLStreamWriter xml;
    private final String suffix;

    private SuiteXml(XMLStreamWriter xml, String suffix) {
        this.xml = xml;
        this.suffix = suffix;
    }

    /**
     * Writes one file.
     *
     * @param suffix appended to class names, so that runs with several techniques can be told apart; may be empty
     * @param properties told in the file
     */
    static void write(Suite suite, String suffix, Map<String, String> properties, Path file) throws IOException {
        Path draft = file.resolveSibling(file.getFileName() + ".tmp");
        try (Writer out = Files.newBufferedWriter(draft, StandardCharsets.UTF_8)) {
            XMLStreamWriter xml = XMLOutputFactory.newInstance().createXMLStreamWriter(out);
            new SuiteXml(xml, suffix).suite(suite, properties);
            xml.close();
        } catch (XMLStreamException e) {
            throw new IOException("cannot write " + file, e);
        }
        Files.move(draft, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    }

    private void suite(Suite suite, Map<String, String> properties) throws XMLStreamException, IOException {
        Suite.Counts counts = suite.counts();
        xml.writeStartDocument("UTF-8", "1.0");
        xml.writeCharacters("\n");
        xml.writeStartElement("testsuite");
        xml.writeNamespace("xsi", XSI);
        xml.writeAttribute("xsi", XSI, "noNamespaceSchemaLocation", SCHEMA);
        attribute("name", suite.className() + suffix);
        attribute("time", time(suite.nanos()));
        attribute("tests", String.valueOf(counts.tests()));
        attribute("errors", String.valueOf(counts.errors()));
        attribute("skipped", String.valueOf(counts.skipped()));
        attribute("failures", String.valueOf(counts.failures()));
        line(1);
        xml.writeStartElement("properties");
        for (Map.Entry<String, String> property : properties.entrySet()) {
            line(2);
            xml.writeEmptyElement("property");
            attribute("name", property.getKey());
            attribute("value", property.getValue());
        }
        line(1);
        xml.writeEndElement();
        for (TestResult result : suite.results()) {
            testCase(suite.className() + suffix, result);
        }
        line(0);
        xml.writeEndElement();
        xml.writeEndDocument();
    }

    private void testCase(String className, TestResult result) throws XMLStreamException, IOException {
        List<Attempt> attempts = result.attempts();
        Attempt shown = attempts.stream()
                .filter(a -> a.outcome() == result.outcome())
                .findFirst()
                .orElseThrow();
        line(1);
        xml.writeStartElement("testcase");
        attribute("name", result.name());
        attribute("classname", className);
        attribute("time", time(shown.nanos()));
        if (result.flaky()) {
            again(attempts, Outcome.FAILURE, "flakyFailure");
            again(attempts, Outcome.ERROR, "flakyError");
        } else if (shown.outcome() == Outcome.SKIPPED) {
            line(2);
            xml.writeEmptyElement("skipped");
            if (shown.reason() != null) {
                attribute("message", shown.reason());
            }
        } else if (shown.outcome().failed()) {
            // The schema's order: failure, rerunFailure, error, rerunError.
            List<Attempt> later = attempts.subList(1, attempts.size());
            if (shown.outcome() == Outcome.FAILURE) {
                problem(shown, "failure");
            }
            again(later, Outcome.FAILURE, "rerunFailure");
            if (shown.outcome() == Outcome.ERROR) {
                problem(shown, "error");
            }
            again(later, Outcome.ERROR, "rerunError");
        }
        output("system-out", shown.output().out(), 2);
        output("system-err", shown.output().err(), 2);
        line(1);
        xml.writeEndElement();
    }

    private void problem(Attempt attempt, String element) throws XMLStreamException {
        Problem problem = attempt.problem();
        if (problem != null) {
            line(2);
            xml.writeStartElement(element);
            describe(problem);
            data(problem.stack());
            xml.writeEndElement();
        }
    }

    private void describe(Problem problem) throws XMLStreamException {
        if (problem.message() != null) {
            attribute("message", problem.message());
        }
        attribute("type", problem.type());
    }

    private void again(List<Attempt> attempts, Outcome outcome, String element) throws XMLStreamException, IOException {
        for (Attempt attempt : attempts) {
            Problem problem = attempt.problem();
            if (attempt.outcome() == outcome && problem != null) {
                line(2);
                xml.writeStartElement(element);
                describe(problem);
                line(3);
                xml.writeStartElement("stackTrace");
                data(problem.stack());
                xml.writeEndElement();
                output("system-out", attempt.output().out(), 3);
                output("system-err", attempt.output().err(), 3);
                line(2);
                xml.writeEndElement();
            }
        }
    }

    private void output(String element, TestOutput.Text text, int depth) throws XMLStreamException, IOException {
        if (text.isEmpty()) {
            return;
        }
        line(depth);
        xml.writeStartElement(element);
        try (Reader in = text.open()) {
            char[] buffer = new char[BUFFER];
            int n;
            while ((n = in.read(buffer)) > 0) {
                data(new String(buffer, 0, n));
            }
        }
        xml.writeEndElement();
    }

    private void line(int depth) throws XMLStreamException {
        xml.writeCharacters("\n" + "  ".repeat(depth));
    }

    private void attribute(String name, String value) throws XMLStreamException {
        xml.writeAttribute(name, legal(value));
    }

    private void data(String text) throws XMLStreamException {
        xml.writeCData(legal(text).replace("]]>", "]]]]><![CDATA[>"));
    }

    /** XML 1.0 has no way to write most control characters, or half a surrogate pair. */
    private static String legal(String text) {
        StringBuilder legal = null;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            boolean low = Character.isLowSurrogate(c) && i > 0 && Character.isHighSurrogate(text.charAt(i - 1));
            boolean high = Character.isHighSurrogate(c)
                    && i + 1 < text.length()
                    && Character.isLowSurrogate(text.charAt(i + 1));
            boolean plain =
                    !Character.isSurrogate(c) && c < 0xfffe && (c >= ' ' || c == '\n' || c == '\t' || c == '\r');
            if (!low && !high && !plain) {
                if (legal == null) {
                    legal = new StringBuilder(text);
                }
                legal.setCharAt(i, '\ufffd');
            }
        }
        return legal == null ? text : legal.toString();
    }

    /** Seconds as the schema has them: three places, no more. */
    private static String time(long nanos) {
        return String.format(Locale.ROOT, "%.3f", Math.max(0, nanos) / 1e9);
    }
}
