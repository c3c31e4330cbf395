package dev.runinvm.engine.image;

import dev.runinvm.engine.HostLacks;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

class SharedLibrariesTest {
    private static final Path JAVA = Path.of(System.getProperty("java.home"), "bin", "java");

    private static SharedLibraries ofHost() {
        return new SharedLibraries(Map.of(), SharedLibraries.hostDirectories());
    }

    /** What the dynamic loader itself finds. */
    private static TreeSet<String> ldd(Path file) throws Exception {
        Process process = new ProcessBuilder("ldd", file.toString())
                .redirectErrorStream(true)
                .start();
        String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assumeTrue(process.waitFor() == 0, text);
        TreeSet<String> names = new TreeSet<>();
        Matcher m = Pattern.compile("(\\S+) => (/\\S+)").matcher(text);
        while (m.find()) {
            names.add(m.group(1));
        }
        return names;
    }

    @Test
    void findsWhatTheLoaderFinds() throws Exception {
        assumeTrue(Files.isExecutable(Path.of("/usr/bin/ldd")), "no ldd");
        for (Path file :
                List.of(JAVA, JAVA.resolve("../../lib/server/libjvm.so").normalize())) {
            SharedLibraries libraries = ofHost();
            assertNull(libraries.add(file));
            TreeSet<String> found = new TreeSet<>(libraries.libraries().keySet());
            found.removeIf(n -> n.startsWith("ld-linux")); // ldd shows the loader without an arrow
            assertEquals(ldd(file), found, file.toString());
        }
    }

    @Test
    void findsTheLoaderOfAProgram() {
        SharedLibraries libraries = ofHost();
        assertNull(libraries.add(JAVA));
        assertEquals(1, libraries.interpreters().size());
        assertTrue(Files.isRegularFile(libraries.interpreters().iterator().next()));
    }

    @Test
    void tellsWhatIsMissing() {
        SharedLibraries nowhere = new SharedLibraries(Map.of(), List.of());
        String missing = nowhere.add(JAVA.resolve("../../lib/server/libjvm.so").normalize());
        assertNotNull(missing);
        assertTrue(missing.contains("libjvm.so needs lib"), missing);
        assertTrue(nowhere.libraries().isEmpty(), "nothing taken of what does not work");
    }

    @Test
    void refusesWhatIsNoX86File(@TempDir Path directory) throws IOException {
        Path script = Files.writeString(directory.resolve("java"), "#!/bin/sh\n");
        assertTrue(assertThrows(HostLacks.class, () -> ofHost().add(script))
                .getMessage()
                .contains("not an ELF file"));
    }

    @Test
    void librariesGoToTheCLibrarysDirectory() {
        SharedLibraries libraries = ofHost();
        assertNull(libraries.add(JAVA));
        FileTree tree = new FileTree();
        libraries.addTo(tree);
        Path c = libraries.libraries().get("libc.so.6");
        assumeTrue(c != null, "not a GNU system");
        String directory = GuestPaths.of(c.getParent());
        assertTrue(directory.startsWith("usr/lib"), directory);
        assertTrue(tree.contains(directory + "/libc.so.6"));
        libraries.libraries().keySet().forEach(n -> assertTrue(tree.contains(directory + "/" + n), n));
        libraries.interpreters().forEach(i -> assertTrue(tree.contains(GuestPaths.of(i)), i.toString()));
    }
}
