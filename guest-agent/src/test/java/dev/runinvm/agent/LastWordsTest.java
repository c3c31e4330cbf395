package dev.runinvm.agent;

import java.util.Map;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertTrue;

class LastWordsTest {
    private static StackTraceElement frame(String type, String method) {
        return new StackTraceElement(type, method, "File.java", 7);
    }

    @Test
    void whoeverCalledExitIsNamed() {
        String why = LastWords.why(Map.of(
                new Thread("idle"), new StackTraceElement[] {frame("java.lang.Object", "wait")},
                new Thread("culprit"),
                        new StackTraceElement[] {
                            frame("java.lang.Thread", "join"),
                            frame("java.lang.Shutdown", "exit"),
                            frame("java.lang.Runtime", "exit"),
                            frame("java.lang.System", "exit"),
                            frame("a.Test", "method")
                        }));
        assertTrue(why.contains("System.exit was called at a.Test.method(File.java:7) on thread \"culprit\""), why);
    }

    @Test
    void withoutAnExitItSaysSo() {
        assertTrue(LastWords.why(Map.of()).contains("without System.exit"));
    }

    @Test
    void aDumpHasEveryThread() {
        String dump = LastWords.dump(Thread.getAllStackTraces());
        assertTrue(dump.contains("\"" + Thread.currentThread().getName() + "\""), dump);
        assertTrue(dump.contains("LastWordsTest.aDumpHasEveryThread"), dump);
    }
}
