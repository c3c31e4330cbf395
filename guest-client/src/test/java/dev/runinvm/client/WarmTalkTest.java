package dev.runinvm.client;

import dev.runinvm.engine.GuestChannel;
import dev.runinvm.engine.GuestConsole;
import dev.runinvm.engine.GuestEnd;
import dev.runinvm.engine.GuestFailure;
import dev.runinvm.engine.Technique;
import dev.runinvm.engine.Vm;
import dev.runinvm.wire.GuestMessage;
import dev.runinvm.wire.HostMessage;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** What is said to a guest that goes on from a snapshot, and what comes of answers that take long. */
class WarmTalkTest {
    private static final Duration SLOW = WarmTalk.CLOCK_PRECISION.plusMillis(5);

    /** An agent that answers each Thaw, after a time, with a problem or none; ends if there is no answer. */
    private static final class Agent implements Vm, GuestChannel, GuestConsole {
        private final IntFunction<Duration> takes;
        private final IntFunction<GuestMessage> answers;
        private final List<HostMessage.Thaw> thaws = new ArrayList<>();
        private final Deque<byte[]> said = new ArrayDeque<>();

        Agent(IntFunction<Duration> takes, IntFunction<GuestMessage> answers) {
            this.takes = takes;
            this.answers = answers;
        }

        @Override
        public void send(byte[] message) {
            thaws.add((HostMessage.Thaw) HostMessage.decode(message));
            said.add(GuestMessage.encode(answers.apply(thaws.size())));
        }

        @Override
        public Optional<byte[]> receive(Duration timeout) throws InterruptedException {
            Thread.sleep(takes.apply(thaws.size()).toMillis());
            return Optional.ofNullable(said.poll());
        }

        @Override
        public Technique technique() {
            return Technique.FULL;
        }

        @Override
        public String kernelRelease() {
            return "6.1";
        }

        @Override
        public GuestChannel channel() {
            return this;
        }

        @Override
        public GuestConsole console() {
            return this;
        }

        @Override
        public List<String> tail(int lines) {
            return List.of("the console's last line");
        }

        @Override
        public Optional<Path> log() {
            return Optional.empty();
        }

        @Override
        public void type(byte[] bytes) {
            throw new UnsupportedOperationException();
        }

        @Override
        public OptionalInt exitStatus() {
            return OptionalInt.empty();
        }

        @Override
        public Map<String, Long> phases() {
            return Map.of();
        }

        @Override
        public Map<String, Long> counters() {
            return Map.of();
        }

        @Override
        public Optional<GuestEnd> end() {
            return Optional.empty();
        }

        @Override
        public boolean awaitEnd(Duration timeout) {
            return false;
        }

        @Override
        public void close() {}
    }

    private static WarmTalk talk(Agent agent) {
        return new WarmTalk(agent, "FooTest", new GuestLink.Listener() {});
    }

    private static GuestMessage fine(int thaw) {
        return new GuestMessage.Thawed(null);
    }

    @Test
    void theClockIsSetAgainUntilItTookNoLongerThanItMayBeOff() throws Exception {
        Agent agent = new Agent(thaw -> thaw < 7 ? SLOW : Duration.ZERO, WarmTalkTest::fine);
        Duration off = talk(agent).thaw();
        assertTrue(
                off.compareTo(WarmTalk.CLOCK_PRECISION) <= 0 || agent.thaws.size() == WarmTalk.CLOCK_ATTEMPTS,
                "" + off);
        assertTrue(agent.thaws.size() >= 7);
    }

    @Test
    void whatItMayBeOffIsToldWhenTheMachineIsTooBusy() throws Exception {
        Agent agent = new Agent(thaw -> SLOW, WarmTalkTest::fine);
        assertTrue(talk(agent).thaw().compareTo(SLOW) >= 0);
        assertTrue(agent.thaws.size() <= WarmTalk.CLOCK_ATTEMPTS);
        assertTrue(agent.thaws.size() > 1);
    }

    @Test
    void eachAttemptSaysTheTimeAnewAndItsRandomNumbersButTheSameGeneration() throws Exception {
        Instant before = Instant.now();
        Agent agent = new Agent(thaw -> thaw < 3 ? SLOW : Duration.ZERO, WarmTalkTest::fine);
        talk(agent).thaw();
        long last = 0;
        var seeds = new HashSet<String>();
        var generations = new HashSet<String>();
        for (HostMessage.Thaw thaw : agent.thaws) {
            assertTrue(thaw.wallClockNanos() > last);
            last = thaw.wallClockNanos();
            seeds.add(Arrays.toString(thaw.seed()));
            generations.add(thaw.generation());
        }
        assertTrue(agent.thaws.get(0).wallClockNanos() / 1_000_000_000 >= before.getEpochSecond());
        assertEquals(agent.thaws.size(), seeds.size());
        assertEquals(1, generations.size());
    }

    @Test
    void aGuestThatCouldNotBeMadeAfreshIsNotUsed() {
        Agent agent = new Agent(thaw -> Duration.ZERO, thaw -> new GuestMessage.Thawed("no /dev/urandom"));
        GuestFailure failure =
                assertThrows(GuestFailure.class, () -> talk(agent).thaw());
        assertTrue(failure.getMessage().contains("no /dev/urandom"), failure.getMessage());
    }

    @Test
    void anAnswerToSomethingElseIsAFailureThatSaysSo() {
        Agent agent = new Agent(thaw -> Duration.ZERO, thaw -> new GuestMessage.Frozen());
        GuestFailure failure =
                assertThrows(GuestFailure.class, () -> talk(agent).thaw());
        assertTrue(failure.getMessage().contains("Frozen"), failure.getMessage());
        assertTrue(failure.getMessage().contains("the console's last line"), failure.getMessage());
    }
}
