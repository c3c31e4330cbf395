package dev.runinvm.junit;

import dev.runinvm.engine.Availability;
import dev.runinvm.engine.Technique;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.ClassTemplate;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestTemplate;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectMethod;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectUniqueId;

/** Rule 18: several techniques run everything once each, as nodes; rule 17 for each of them. The guest is a fake. */
class TechniquesTest {
    @RegisterExtension
    final FakeGuests guests = new FakeGuests();

    private final Host host = new Host();

    private static void say(String what) {
        System.out.println(System.getProperty("runinvm.technique", "HOST") + " " + what);
    }

    private List<Technique> started() {
        return guests.started().stream().map(FakeVm::technique).toList();
    }

    private String out() {
        return host.out().strip().replace('\n', ';');
    }

    @ClassTemplate
    @RunInVM(technique = {Technique.FULL, Technique.PARA})
    static class Twice {
        @BeforeAll
        static void before() {
            say("before");
        }

        @Test
        void one() {
            say("one");
        }

        @ParameterizedTest
        @ValueSource(ints = {1, 2})
        void counted(int n) {
            say("counted " + n);
            assertTrue(n == 1 || System.getProperty("runinvm.technique").equals("FULL"), "only FULL counts to two");
        }

        @Nested
        class Inner {
            @Test
            void inner() {
                say("inner");
            }
        }

        @AfterAll
        static void after() {
            say("after");
        }
    }

    @Test
    void aClassRunsOnceWithEachInNodesOfTheirNames() {
        Recorder recorder = host.launch(Map.of(), selectClass(Twice.class));

        assertEquals(List.of(Technique.FULL, Technique.PARA), started());
        for (Technique technique : started()) {
            for (String said : List.of("before", "one", "counted 1", "counted 2", "inner", "after")) {
                assertEquals(
                        1,
                        host.out()
                                .lines()
                                .filter((technique + " " + said)::equals)
                                .count(),
                        technique + " " + said + ": " + host.out());
            }
        }
        assertEquals(12, host.out().lines().count(), host.out());
        List<String> failed =
                recorder.ends().stream().filter(e -> e.endsWith("FAILED")).toList();
        assertEquals(1, failed.size(), () -> recorder.ends().toString());
        assertEquals(
                "only FULL counts to two",
                recorder.failures().get(0).getMessage().replaceAll(" ==>.*", ""));
        assertEquals(List.of("[FULL]", "[PARA]"), recorder.templates());
    }

    @Test
    void oneMethodOfItIsAllThatRuns() {
        Recorder recorder = host.launch(Map.of(), selectMethod(Twice.class, "one"));
        assertEquals(List.of(), recorder.failures());
        assertEquals("FULL before;FULL one;FULL after;PARA before;PARA one;PARA after", out());
    }

    @Test
    void oneTechniqueOfItSelectedByItsIdIsAllThatRuns() {
        String id = "[engine:junit-jupiter]/[class-template:" + Twice.class.getName()
                + "]/[class-template-invocation:#2]/[method:one()]";
        Recorder recorder = host.launch(Map.of(), selectUniqueId(id));
        assertEquals(List.of(), recorder.failures());
        assertEquals("PARA before;PARA one;PARA after", out());
    }

    @Test
    void theSettingOverridesTheAnnotation() {
        Recorder recorder = host.launch(Map.of("runinvm.techniques", "para"), selectMethod(Twice.class, "one"));
        assertEquals(List.of(), recorder.failures());
        assertEquals("PARA before;PARA one;PARA after", out());
        assertEquals(List.of("[PARA]"), recorder.templates());
    }

    static class Methods {
        @TestTemplate
        @RunInVM(technique = {Technique.PARA, Technique.FULL})
        void both() {
            say("both");
        }

        @Test
        @RunInVM(technique = {Technique.PARA, Technique.FULL})
        void noTemplate() {
            say("never");
        }
    }

    @Test
    void aMethodRunsOnceWithEach() {
        Recorder recorder = host.launch(Map.of(), selectMethod(Methods.class, "both"));
        assertEquals(List.of("[PARA] SUCCESSFUL", "[FULL] SUCCESSFUL"), recorder.ends());
        assertEquals("PARA both;FULL both", out());
    }

    @Test
    void aMethodThatIsNoTemplateFailsAndSaysWhatToDo() {
        Recorder recorder = host.launch(Map.of(), selectMethod(Methods.class, "noTemplate"));
        assertEquals("", out());
        assertTrue(text(recorder).contains("write @TestTemplate in the place of @Test"), text(recorder));
    }

    @RunInVM(technique = {Technique.FULL, Technique.PARA})
    static class NoTemplate {
        @Test
        void test() {
            say("never");
        }
    }

    @Test
    void aClassThatIsNoTemplateFailsAndSaysWhatToDo() {
        Recorder recorder = host.launch(Map.of(), selectClass(NoTemplate.class));
        assertEquals("", out());
        assertEquals(List.of(), started());
        assertTrue(text(recorder).contains("add @ClassTemplate"), text(recorder));
    }

    private static String text(Recorder recorder) {
        StringBuilder all = new StringBuilder();
        for (Throwable failure : recorder.failures()) {
            for (Throwable t = failure; t != null; t = t.getCause()) {
                all.append(t).append('\n');
            }
        }
        return all.toString();
    }

    @ParameterizedClass
    @ValueSource(strings = {"a", "b"})
    @RunInVM
    record WithParameters(String parameter) {
        @Test
        void first() {
            say("first " + parameter);
        }

        @Test
        void second() {
            say("second " + parameter);
        }
    }

    @Test
    void aParameterizedClassRunsInOneGuest() {
        Recorder recorder = host.launch(Map.of(), selectClass(WithParameters.class));
        assertEquals(List.of(), recorder.failures());
        assertEquals(1, started().size());
        assertEquals(
                List.of("FULL first a", "FULL first b", "FULL second a", "FULL second b"),
                host.out().lines().sorted().toList());
    }

    @Test
    void oneMethodOfAParameterizedClassIsAllThatRuns() {
        Recorder recorder = host.launch(Map.of(), selectMethod(WithParameters.class, "second"));
        assertEquals(List.of(), recorder.failures());
        assertEquals("FULL second a;FULL second b", out());
    }

    @Test
    void whatCannotBeCrossedFailsAndSaysSo() {
        Recorder recorder = host.launch(Map.of("runinvm.techniques", "FULL,PARA"), selectClass(WithParameters.class));
        assertEquals("", out());
        assertTrue(text(recorder).contains("cannot be crossed"), text(recorder));
    }

    @Test
    void theOneThatCannotRunIsSkippedWithItsReasonIfAskedFor() {
        Guests.availability = technique -> new Availability(
                technique, technique == Technique.PARA ? List.of("no hypercalls today") : List.of(), List.of());
        Recorder recorder = host.launch(Map.of("runinvm.disabledWithout", "true"), selectMethod(Twice.class, "one"));
        assertEquals(List.of("one() SUCCESSFUL", "[PARA] ABORTED"), recorder.ends());
        assertTrue(text(recorder).contains("technique PARA cannot run here: no hypercalls today"), text(recorder));
        assertEquals("FULL before;FULL one;FULL after", out());
    }
}
