package dev.runinvm.agent;

import dev.runinvm.agent.spi.HostLine;
import dev.runinvm.wire.GuestMessage;
import dev.runinvm.wire.HostMessage;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Asks the host while tests run; one question at a time. */
final class Questions {
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(30);

    private final Agent agent;
    private final Link link;
    private volatile HostMessage.@Nullable Answer last;
    private int number;

    Questions(Agent agent, Link link) {
        this.agent = agent;
        this.link = link;
    }

    /** Takes an answer, whichever thread has read it. */
    void answered(HostMessage.Answer answer) {
        last = answer;
    }

    synchronized HostLine.Answer ask() {
        int mine = ++number;
        link.send(new GuestMessage.Ask(mine));
        link.flush();
        long start = System.nanoTime();
        while (System.nanoTime() - start < PATIENCE_NANOS) {
            agent.attend();
            HostMessage.Answer answer = last;
            if (answer != null && answer.number() == mine) {
                return new HostLine.Answer(answer.counters(), answer.console());
            }
            link.pause();
        }
        throw new IllegalStateException("the host has not answered within 30 s");
    }
}
