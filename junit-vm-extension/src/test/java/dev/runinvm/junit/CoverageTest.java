package dev.runinvm.junit;

import dev.runinvm.client.Coverage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.jar.Attributes;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import static org.junit.jupiter.api.Assertions.assertEquals;

/** Where what guests have covered goes, by the options of JaCoCo's agent. */
class CoverageTest {
    @TempDir
    Path directory;

    private Path file;
    private Path one;
    private Path two;

    @BeforeEach
    void files() throws IOException {
        file = Files.writeString(directory.resolve("jacoco.exec"), "before;");
        one = Files.writeString(directory.resolve("one"), "one;");
        two = Files.writeString(directory.resolve("two"), "two;");
    }

    private Coverage coverage(String more) throws IOException {
        Manifest manifest = new Manifest();
        manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
        manifest.getMainAttributes().putValue("Premain-Class", "org.jacoco.agent.rt.internal_1.PreMain");
        Path agent = directory.resolve("agent.jar");
        new JarOutputStream(Files.newOutputStream(agent), manifest).close();
        return Coverage.of("-javaagent:" + agent + "=destfile=" + file + more).orElseThrow();
    }

    private String merged(Coverage coverage) throws IOException {
        coverage.merge(one);
        coverage.merge(two);
        return Files.readString(file);
    }

    @Test
    void itIsAppended() throws IOException {
        assertEquals("before;one;two;", merged(coverage("")));
    }

    @Test
    void theFirstReplacesWhatIsThereIfNothingIsToBeAppended() throws IOException {
        assertEquals("one;two;", merged(coverage(",append=false")));
    }

    @Test
    void itStaysWhereItIsIfThisJvmWillReplaceTheFile() throws IOException {
        Coverage other = coverage(",append=false");
        assertEquals("before;", merged(new Coverage(other.agent(), other.options(), true, other.begun())));
    }

    @Test
    void itStaysWhereItIsIfThereIsNoFile() throws IOException {
        assertEquals("before;", merged(coverage(",output=tcpserver")));
    }
}
