package dev.runinvm.junit;

import dev.runinvm.wire.GuestMessage;
import dev.runinvm.wire.GuestMessage.Discovered;
import dev.runinvm.wire.GuestMessage.Finished;
import dev.runinvm.wire.GuestMessage.Node;
import dev.runinvm.wire.GuestMessage.Outcome;
import dev.runinvm.wire.GuestMessage.RunEnded;
import dev.runinvm.wire.GuestMessage.Started;
import dev.runinvm.wire.HostMessage;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.platform.launcher.Launcher;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

/** Rules 10 and 15: whatever a guest leaves unsaid is an error, never a green run. The guest is a script. */
@Timeout(60)
class FailClosedTest {
    private static final String ENGINE = "[engine:junit-jupiter]";
    private static final String CLASS = ENGINE + "/[class:" + Victim.class.getName() + "]";
    private static final String ONE = CLASS + "/[method:one()]";
    private static final String TWO = CLASS + "/[method:two()]";

    @RegisterExtension
    final FakeGuests guests = new FakeGuests();

    private final Host host = new Host();
    private final AtomicReference<ScriptedVm> vm = new AtomicReference<>();

    @RunInVM(timeout = "5s")
    static class Victim {
        @Test
        void one() {}

        @Test
        void two() {}
    }

    private static String version() {
        return Launcher.class.getPackage().getImplementationVersion();
    }

    private static Discovered found(String... tests) {
        List<Node> nodes = new ArrayList<>(List.of(
                new Node(ENGINE, null, "JUnit Jupiter", false, true), new Node(CLASS, ENGINE, "Victim", false, true)));
        for (String id : tests) {
            nodes.add(new Node(id, CLASS, id.equals(ONE) ? "one()" : "two()", true, false));
        }
        return new Discovered(version(), nodes, List.of());
    }

    private static GuestMessage[] passes(String id) {
        return new GuestMessage[] {new Started(id), new Finished(id, Outcome.SUCCESSFUL, null, 1)};
    }

    private static final Finished END = new Finished(CLASS, Outcome.SUCCESSFUL, null, 1);
    private static final RunEnded DONE = new RunEnded(null, null);

    private Recorder run(GuestMessage.Hello hello, BiConsumer<HostMessage.Run, ScriptedVm> script) {
        Guests.starter = config -> {
            ScriptedVm scripted = new ScriptedVm(config, hello, script);
            vm.set(scripted);
            return scripted;
        };
        Recorder recorder = host.launch(Map.of(), selectClass(Victim.class));
        assertTrue(vm.get().isClosed(), "the guest is left running");
        assertEquals(0, Guests.alive());
        return recorder;
    }

    private Recorder run(GuestMessage... said) {
        return run(ScriptedVm.hello(), (command, guest) -> {
            guest.say(said);
            guest.vanish();
        });
    }

    private static void assertFails(Recorder recorder, String... words) {
        String all = recorder.ends() + " " + recorder.failures();
        assertTrue(!recorder.failures().isEmpty(), all);
        for (String word : words) {
            assertTrue(all.contains(word), () -> "no \"" + word + "\" in " + all);
        }
    }

    private static GuestMessage[] all(Object... said) {
        List<GuestMessage> flat = new ArrayList<>();
        for (Object o : said) {
            if (o instanceof GuestMessage[] several) {
                flat.addAll(Arrays.asList(several));
            } else {
                flat.add((GuestMessage) o);
            }
        }
        return flat.toArray(GuestMessage[]::new);
    }

    /** The control: a guest that does its part gives a green run. */
    @Test
    void aWholeRunPasses() {
        Recorder recorder = run(all(found(ONE, TWO), new Started(CLASS), passes(ONE), passes(TWO), END, DONE));
        assertEquals(List.of("one() SUCCESSFUL", "two() SUCCESSFUL"), recorder.ends());
    }

    @Test
    void nothingFound() {
        Recorder recorder = run(
                new Discovered(
                        version(),
                        List.of(new Node(ENGINE, null, "JUnit Jupiter", false, true)),
                        List.of(ONE, TWO, "no such class")),
                DONE);
        assertFails(recorder, "Victim FAILED", "found no test for " + ONE, "no such class");
    }

    @Test
    void oneOfTwoFound() {
        Recorder recorder = run(all(
                new Discovered(version(), found(ONE).nodes(), List.of(TWO)),
                new Started(CLASS),
                passes(ONE),
                END,
                DONE));
        assertFails(recorder, "one() SUCCESSFUL", "two() FAILED", "did not find " + TWO);
    }

    @Test
    void aFinishIsMissing() {
        Recorder recorder = run(all(found(ONE, TWO), new Started(CLASS), passes(ONE), new Started(TWO), END, DONE));
        assertFails(recorder, "one() SUCCESSFUL", "two() FAILED", "two() did not run in the guest");
    }

    @Test
    void theRunEndsInTheMiddle() {
        Recorder recorder = run(all(found(ONE, TWO), new Started(CLASS), passes(ONE), DONE));
        assertFails(recorder, "one() SUCCESSFUL", "two() FAILED", "ended without a word on two()");
    }

    @Test
    void theEndOfTheRunIsMissing() {
        Recorder recorder = run(all(found(ONE, TWO), new Started(CLASS), passes(ONE), passes(TWO), END));
        assertFails(recorder, "one() SUCCESSFUL", "two() SUCCESSFUL", "Victim FAILED", "closed without goodbye");
    }

    @Test
    void theChannelClosesInTheMiddle() {
        Recorder recorder = run(all(found(ONE, TWO), new Started(CLASS), passes(ONE), new Started(TWO)));
        assertFails(
                recorder,
                "one() SUCCESSFUL",
                "two() FAILED",
                "while running two()",
                "closed without goodbye",
                "the scripted console");
    }

    @Test
    void junitFailsInTheGuest() {
        Recorder recorder = run(new RunEnded("JUnit could not run the tests in the guest", null));
        assertFails(recorder, "Victim FAILED", "JUnit could not run the tests");
    }

    @Test
    void aTestThatOnlyTheGuestHasFailed() {
        String other = CLASS + "/[method:other()]";
        Recorder recorder = run(all(
                found(ONE, TWO, other),
                new Started(CLASS),
                passes(ONE),
                passes(TWO),
                new Started(other),
                new Finished(other, Outcome.FAILED, null, 1),
                END,
                DONE));
        assertFails(recorder, "Victim FAILED", "other()");
    }

    @Test
    void theGuestSaysNothing() {
        Recorder recorder = run(ScriptedVm.hello(), (command, guest) -> guest.say(found(ONE, TWO)));
        assertFails(recorder, "Victim FAILED", "within 5.0 s");
    }

    @Test
    void theGuestSpeaksNonsense() {
        Recorder recorder = run(ScriptedVm.hello(), (command, guest) -> guest.sayRaw(new byte[] {1, 2, 3}));
        assertFails(recorder, "Victim FAILED", "broke the channel's protocol");
    }

    @Test
    void theGuestSpeaksOfWhatItNeverAnnounced() {
        Recorder recorder = run(all(found(ONE, TWO), new Started(CLASS), passes(CLASS + "/[method:ghost()]")));
        assertFails(recorder, "Victim FAILED", "never announced", "ghost()");
    }

    @Test
    void anotherProtocol() {
        Recorder recorder =
                run(new GuestMessage.Hello(9, "0.9", Runtime.version().toString(), "6.1"), (c, g) -> {});
        assertFails(recorder, "Victim FAILED", "protocol version 9, the host 1", "0.9");
    }

    @Test
    void anotherJava() {
        Recorder recorder = run(new GuestMessage.Hello(1, "1", "11.0.1+13", "6.1"), (c, g) -> {});
        assertFails(recorder, "Victim FAILED", "Java 11.0.1+13, the host Java " + Runtime.version());
    }

    @Test
    void anotherJunit() {
        Recorder recorder = run(new Discovered("1.9.9", found(ONE, TWO).nodes(), List.of()), DONE);
        assertFails(recorder, "Victim FAILED", "JUnit Platform 1.9.9, the host has " + version());
    }

    @Test
    void aPlanMayComeInParts() {
        Discovered whole = found(ONE, TWO);
        Recorder recorder = run(ScriptedVm.hello(), (command, guest) -> {
            guest.say(new GuestMessage.Planned(whole.nodes().subList(0, 1)));
            guest.say(new GuestMessage.Planned(whole.nodes().subList(1, 3)));
            guest.say(new Discovered(whole.platform(), whole.nodes().subList(3, 4), List.of()));
            guest.say(new Started(ENGINE), new Started(CLASS));
            guest.say(passes(ONE));
            guest.say(passes(TWO));
            guest.say(END, DONE);
        });
        assertEquals(
                List.of("one() SUCCESSFUL", "two() SUCCESSFUL"),
                recorder.ends(),
                () -> recorder.failures().toString());
    }

    @Test
    void aPlanOfWhichAPartIsMissing() {
        assertFails(run(new GuestMessage.Planned(found(ONE, TWO).nodes())), "closed without goodbye");
    }
}
