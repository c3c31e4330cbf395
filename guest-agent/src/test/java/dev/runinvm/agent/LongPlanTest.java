package dev.runinvm.agent;

import dev.runinvm.agent.spi.RunEvents.PlanNode;
import dev.runinvm.wire.FrameReader;
import dev.runinvm.wire.GuestMessage;
import dev.runinvm.wire.Window;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** A plan far larger than one message may be: 200,000 tests, 60 MB. */
class LongPlanTest {
    private static final int TESTS = 200_000;

    @Test
    void comesInParts(@TempDir Path directory) {
        ByteBuffer memory = ByteBuffer.allocateDirect(Window.SIZE + 8).alignedSlice(8);
        FrameReader reader = new FrameReader(Window.create(memory).reader());
        List<GuestMessage> heard = new ArrayList<>();
        Doorbell host = new Doorbell() {
            @Override
            public void flush() {
                byte[] message;
                while ((message = reader.poll()) != null) {
                    heard.add(GuestMessage.decode(message));
                }
            }

            @Override
            public void await(int millis) {
                flush();
            }

            @Override
            public void goodbye() {}
        };
        Link link = new Link(memory, host);
        List<PlanNode> plan = new ArrayList<>();
        String parent = "[engine:junit-jupiter]/[class:" + "example.".repeat(20) + "Test]";
        for (int i = 0; i < TESTS; i++) {
            String name = "test" + i + "()";
            plan.add(new PlanNode(
                    parent + "/[method:" + name + "]", parent, name, true, false, "example.Test", name, name));
        }
        new Reporter(link::send, link::flush, new Attribution(), new Agent(memory, host, directory, directory))
                .discovered("1", plan, List.of());

        List<GuestMessage.Node> nodes = new ArrayList<>();
        for (GuestMessage part : heard.subList(0, heard.size() - 1)) {
            nodes.addAll(assertInstanceOf(GuestMessage.Planned.class, part).nodes());
        }
        nodes.addAll(assertInstanceOf(GuestMessage.Discovered.class, heard.get(heard.size() - 1))
                .nodes());
        assertEquals(
                plan.stream().map(PlanNode::id).toList(),
                nodes.stream().map(GuestMessage.Node::id).toList());
        assertTrue(heard.size() > 50, "in " + heard.size() + " messages");
    }
}
