package dev.runinvm.junit;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.platform.engine.DiscoverySelector;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectMethod;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectNestedMethod;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectUniqueId;

/** Rule 7, and annotations on methods: what the host selected runs in the guest, nothing else. The guest is a fake. */
class SelectionTest {
    @RegisterExtension
    final FakeGuests guests = new FakeGuests();

    private final Host host = new Host();

    private static void say(String what) {
        System.out.println((Boolean.getBoolean("runinvm.guest") ? "guest " : "HOST ") + what);
    }

    @RunInVM
    static class Several {
        @BeforeAll
        static void once() {
            say("once");
        }

        @Test
        void one() {
            say("one");
        }

        @Test
        void two() {
            say("two");
        }

        @Nested
        class Inner {
            @Test
            void three() {
                say("three");
            }

            @Test
            void four() {
                say("four");
            }
        }
    }

    private String ran(DiscoverySelector... selectors) {
        Recorder recorder = host.launch(Map.of(), selectors);
        assertEquals(List.of(), recorder.failures());
        return host.out().replace('\n', ' ').strip();
    }

    @Test
    void oneMethod() {
        assertEquals("guest once guest two", ran(selectMethod(Several.class, "two")));
    }

    @Test
    void oneNestedMethodByItsId() {
        String id =
                "[engine:junit-jupiter]/[class:" + Several.class.getName() + "]/[nested-class:Inner]/[method:four()]";
        assertEquals("guest once guest four", ran(selectUniqueId(id)));
    }

    @Test
    void severalAtOnceStillMeanOneRun() {
        assertEquals(
                "guest once guest one guest four",
                ran(
                        selectMethod(Several.class, "one"),
                        selectNestedMethod(List.of(Several.class), Several.Inner.class, "four")));
        assertEquals(1, guests.started().size());
    }

    static class OnlyOneMethod {
        OnlyOneMethod() {
            say("constructor");
        }

        @Test
        @RunInVM
        void there() {
            say("there");
        }

        @Test
        void here() {
            say("here");
        }
    }

    @Test
    void anAnnotatedMethodAloneRunsInTheGuest() {
        String ran = ran(selectClass(OnlyOneMethod.class));
        assertEquals(
                List.of("HOST constructor", "HOST here", "guest constructor", "guest there"),
                List.of(ran.split(" (?=HOST|guest)")).stream().sorted().toList());
        assertEquals(1, guests.started().size());
    }

    @RunInVM
    static class OneApart {
        @Test
        void ordinary() {
            say("ordinary");
        }

        @Test
        @RunInVM(memory = "512M")
        void small() {
            say("small");
        }
    }

    @Test
    void aMethodThatAsksForAnotherGuestGetsOne() {
        String ran = ran(selectClass(OneApart.class));
        assertEquals(
                List.of("guest ordinary", "guest small"),
                List.of(ran.split(" (?=guest)")).stream().sorted().toList());
        assertEquals(
                List.of(512L << 20, 1L << 30),
                guests.started().stream()
                        .map(vm -> vm.config().memoryBytes())
                        .sorted()
                        .toList());
    }

    @Test
    void nothingIsStartedForAClassOfWhichOnlyTheOthersWereSelected() {
        assertEquals("guest small", ran(selectMethod(OneApart.class, "small")));
        assertEquals(1, guests.started().size());
    }
}
