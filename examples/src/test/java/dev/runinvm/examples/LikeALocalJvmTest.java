package dev.runinvm.examples;

import dev.runinvm.junit.RunInVM;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** What libraries rely on that ask the JVM and not the test: the guest's is like that of a build tool. */
@RunInVM
class LikeALocalJvmTest {
    @Test
    void theSystemClassLoaderHasTheTests() throws Exception {
        ClassLoader system = ClassLoader.getSystemClassLoader();
        assertSame(LikeALocalJvmTest.class, system.loadClass(LikeALocalJvmTest.class.getName()));
        assertSame(system, Thread.currentThread().getContextClassLoader());
        assertSame(Test.class, Class.forName(Test.class.getName(), false, system));
        assertNotNull(ClassLoader.getSystemResource("dev/runinvm/examples/LikeALocalJvmTest.class"));
    }

    @Test
    void assertionsAreEnabledAsTheyAreOnTheHost() {
        assertTrue(LikeALocalJvmTest.class.desiredAssertionStatus());
    }
}
