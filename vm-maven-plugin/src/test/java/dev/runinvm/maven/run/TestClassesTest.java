package dev.runinvm.maven.run;

import dev.runinvm.engine.HostLacks;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class TestClassesTest {
    @TempDir
    Path classes;

    private List<String> found(TestClasses which) throws IOException {
        Path folder = Files.createDirectories(classes.resolve("a/b"));
        for (String name : List.of("FooIT", "FooIT$Inner", "BarIT", "BarTest", "package-info")) {
            Files.createFile(folder.resolve(name + ".class"));
        }
        return which.in(List.of(classes, classes.resolve("missing")));
    }

    @Test
    void includesAndExcludesAreSurefires() throws IOException {
        TestClasses which =
                TestClasses.of("", List.of("**/*IT.java", "a.b.Bar*"), List.of("**/*$*", "%regex[.*BarIT.*]"));
        assertEquals(List.of("a.b.BarTest", "a.b.FooIT"), found(which));
        assertFalse(which.specified());
    }

    @Test
    void aTestAskedForReplacesThem() throws IOException {
        TestClasses which = TestClasses.of("FooIT#one+two*,BarTest", List.of("**/None.java"), List.of("**/Foo*"));
        assertTrue(which.specified() && which.choosesMethods());
        assertTrue(which.chooses("a.b.FooIT", "two3"));
        assertFalse(which.chooses("a.b.FooIT", "three"));
        assertTrue(which.chooses("a.b.BarTest", "any"));
        assertEquals(List.of("a.b.BarTest", "a.b.FooIT"), found(which));
    }

    @Test
    void aClassAskedForRunsAlone() throws IOException {
        assertEquals(List.of("a.b.FooIT"), found(TestClasses.of("FooIT", List.of("**/*IT.java"), List.of())));
    }

    @Test
    void allButAClassLeftOutRun() throws IOException {
        assertEquals(List.of("a.b.BarTest", "a.b.FooIT"), found(TestClasses.of("!BarIT", List.of(), List.of())));
    }

    @Test
    void aNestedClassRunsAloneIfItIsAskedFor() throws IOException {
        assertEquals(List.of("a.b.FooIT$Inner"), found(TestClasses.of("FooIT$Inner", List.of(), List.of())));
    }

    @Test
    void aPatternThatCannotBeReadIsToldOf() {
        HostLacks e = assertThrows(HostLacks.class, () -> TestClasses.of("%regex[(]", List.of(), List.of()));
        assertTrue(String.valueOf(e.getMessage()).startsWith("cannot read the pattern of tests to run"), e::getMessage);
    }

    @Test
    void argumentsAreSplitAsAShellWould() {
        assertEquals(List.of("-Xmx1g", "-Da=b c", "-Dd='", ""), JvmOptions.split(" -Xmx1g  '-Da=b c'\n-Dd=\"'\" ''"));
        assertEquals(List.of(), JvmOptions.split(null));
    }
}
