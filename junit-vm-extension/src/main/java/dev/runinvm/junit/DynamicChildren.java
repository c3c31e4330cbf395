package dev.runinvm.junit;

import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;

/** The dynamic nodes of a test factory, as the guest announces them: its order, its nesting, its names. */
final class DynamicChildren {
    private final GuestRun run;
    private final Sink sink;

    DynamicChildren(GuestRun run, Sink sink) {
        this.run = run;
        this.sink = sink;
    }

    /** The children of a container, each there as soon as the guest has it. */
    Stream<DynamicNode> of(String container) {
        return StreamSupport.stream(
                Spliterators.spliteratorUnknownSize(new Children(container), Spliterator.ORDERED), false);
    }

    private DynamicNode node(NodeState child) {
        if (child.node.container()) {
            return DynamicContainer.dynamicContainer(child.node.displayName(), of(child.id()));
        }
        return DynamicTest.dynamicTest(child.node.displayName(), () -> {
            Throwable failure = Outcomes.throwable(run, run.awaitEnd(child.id(), sink));
            if (failure != null) {
                throw failure;
            }
        });
    }

    private final class Children implements Iterator<DynamicNode> {
        private final String container;
        private int taken;
        private int index;
        private @Nullable NodeState next;

        Children(String container) {
            this.container = container;
        }

        @Override
        public boolean hasNext() {
            if (next == null) {
                next = run.awaitRegistered(container, taken, sink);
            }
            if (next != null) {
                return true;
            }
            Throwable failure = Outcomes.throwable(run, run.awaitEnd(container, sink));
            if (failure != null) {
                throw Outcomes.<RuntimeException>sneaky(failure);
            }
            return false;
        }

        /** Where only some were selected, the guest has those alone; JUnit counts from 1 here and drops the others. */
        @Override
        public DynamicNode next() {
            NodeState child = next;
            if (child == null && !hasNext() || (child = next) == null) {
                throw new NoSuchElementException();
            }
            index++;
            if (Ids.number(child.id()) > index) {
                return DynamicTest.dynamicTest("not selected", () -> {});
            }
            taken++;
            next = null;
            return node(child);
        }
    }
}
