package dev.runinvm.maven.results;

import java.io.IOException;
import java.io.InputStream;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import javax.xml.XMLConstants;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import javax.xml.stream.XMLOutputFactory;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamWriter;
import org.jspecify.annotations.Nullable;
import org.w3c.dom.Element;
import org.w3c.dom.Node;
import org.xml.sax.SAXException;

/**
 * What {@code vm:integration-test} leaves for {@code vm:verify}, in the form of Failsafe's failsafe-summary.xml.
 *
 * @param counts of all tests
 * @param failureMessage what kept tests from being run at all; null if nothing did
 */
public record Summary(Suite.Counts counts, @Nullable String failureMessage) {
    /** Nothing was run. */
    public static final Summary EMPTY = new Summary(Suite.Counts.NONE, null);

    private static final String SCHEMA =
            "https://maven.apache.org/surefire/maven-surefire-plugin/xsd/failsafe-summary.xsd";
    /** Failsafe's numbers for "there were failures" and "there were no tests". */
    private static final String FAILURE = "255";

    private static final String NO_TESTS = "254";

    /** Both together. */
    public Summary plus(Summary other) {
        String message = failureMessage == null
                ? other.failureMessage
                : other.failureMessage == null ? failureMessage : failureMessage + "\n" + other.failureMessage;
        return new Summary(counts.plus(other.counts), message);
    }

    /** Whether the build is to fail for it. */
    public boolean failed() {
        return counts.failed() || failureMessage != null;
    }

    /** Writes it, in place of what was there. */
    public void write(Path file) throws IOException {
        Path absolute = file.toAbsolutePath();
        Files.createDirectories(absolute.getParent());
        Path draft = absolute.resolveSibling(absolute.getFileName() + ".tmp");
        try (Writer out = Files.newBufferedWriter(draft, StandardCharsets.UTF_8)) {
            XMLStreamWriter xml = XMLOutputFactory.newInstance().createXMLStreamWriter(out);
            xml.writeStartDocument("UTF-8", "1.0");
            xml.writeCharacters("\n");
            xml.writeStartElement("failsafe-summary");
            xml.writeNamespace("xsi", XMLConstants.W3C_XML_SCHEMA_INSTANCE_NS_URI);
            xml.writeAttribute("xsi", XMLConstants.W3C_XML_SCHEMA_INSTANCE_NS_URI, "noNamespaceSchemaLocation", SCHEMA);
            if (failed()) {
                xml.writeAttribute("result", FAILURE);
            } else if (counts.tests() == 0) {
                xml.writeAttribute("result", NO_TESTS);
            }
            xml.writeAttribute("timeout", "false");
            number(xml, "completed", counts.tests());
            number(xml, "errors", counts.errors());
            number(xml, "failures", counts.failures());
            number(xml, "skipped", counts.skipped());
            number(xml, "flakes", counts.flakes());
            xml.writeCharacters("\n  ");
            xml.writeStartElement("failureMessage");
            if (failureMessage != null) {
                xml.writeCharacters(failureMessage.replaceAll("[^\\x20-\\ud7ff\\n\\t\\x0d]", "?"));
            }
            xml.writeEndElement();
            xml.writeCharacters("\n");
            xml.writeEndElement();
            xml.writeEndDocument();
            xml.close();
        } catch (XMLStreamException e) {
            throw new IOException("cannot write " + file, e);
        }
        Files.move(draft, absolute, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    }

    private static void number(XMLStreamWriter xml, String name, int value) throws XMLStreamException {
        xml.writeCharacters("\n  ");
        xml.writeStartElement(name);
        xml.writeCharacters(String.valueOf(value));
        xml.writeEndElement();
    }

    /**
     * Reads one.
     *
     * @throws IOException if the file is none
     */
    public static Summary read(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
            factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
            Element root = factory.newDocumentBuilder().parse(in).getDocumentElement();
            int completed = number(root, "completed");
            Suite.Counts counts = new Suite.Counts(
                    completed,
                    number(root, "failures"),
                    number(root, "errors"),
                    number(root, "skipped"),
                    number(root, "flakes"));
            String message = text(root, "failureMessage");
            return new Summary(counts, message == null || message.isEmpty() ? null : message);
        } catch (SAXException | ParserConfigurationException | NumberFormatException e) {
            throw new IOException(file + " is no summary of vm:integration-test: " + e.getMessage(), e);
        }
    }

    private static int number(Element root, String name) {
        String text = text(root, name);
        return text == null ? 0 : Integer.parseInt(text.trim());
    }

    private static @Nullable String text(Element root, String name) {
        for (Node child = root.getFirstChild(); child != null; child = child.getNextSibling()) {
            if (name.equals(child.getNodeName())) {
                return child.getTextContent();
            }
        }
        return null;
    }
}
