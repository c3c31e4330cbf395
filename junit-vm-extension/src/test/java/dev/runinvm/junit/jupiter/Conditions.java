package dev.runinvm.junit.jupiter;

import dev.runinvm.junit.RunInVM;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Disabled;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledOnJre;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.JRE;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.CleanupMode;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.ResourceLock;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Conditions, assumptions, time-outs, temporary directories, tags, locks. */
@RunInVM
@TestMethodOrder(MethodOrderer.MethodName.class)
public class Conditions {
    @TempDir
    static Path shared;

    @TempDir(cleanup = CleanupMode.ALWAYS)
    Path own;

    @Test
    @Disabled("for a reason")
    void disabled() {
        System.out.println("never");
    }

    @Test
    @EnabledOnOs(OS.WINDOWS)
    void elsewhere() {
        System.out.println("never");
    }

    @Test
    @DisabledOnJre(JRE.JAVA_8)
    @EnabledIf("always")
    void enabled() {
        System.out.println("enabled");
    }

    static boolean always() {
        return true;
    }

    @Test
    void assumed() {
        Assumptions.assumeTrue(false, "not today");
    }

    @Test
    @Timeout(value = 200, unit = TimeUnit.MILLISECONDS)
    void tooSlow() throws InterruptedException {
        Thread.sleep(60_000);
    }

    @Test
    @Timeout(60)
    @Tag("quick")
    @ResourceLock("a resource")
    void inTime(@TempDir Path parameter) throws Exception {
        Files.writeString(own.resolve("f"), "x");
        Files.writeString(shared.resolve("g"), "x");
        assertTrue(Files.isDirectory(parameter));
        System.out.println(Files.exists(own.resolve("f")));
    }

    @Test
    void lastOfAll() {
        System.out.println(Files.exists(own.resolve("f")) + " " + Files.exists(shared.resolve("g")));
    }

    @Nested
    @Disabled("all of it")
    class Inner {
        @Test
        void never() {
            System.out.println("never");
        }
    }
}
