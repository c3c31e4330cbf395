package dev.runinvm.examples;

import com.sun.jdi.Bootstrap;
import com.sun.jdi.IntegerValue;
import com.sun.jdi.LocalVariable;
import com.sun.jdi.ReferenceType;
import com.sun.jdi.StackFrame;
import com.sun.jdi.VirtualMachine;
import com.sun.jdi.connect.AttachingConnector;
import com.sun.jdi.connect.Connector;
import com.sun.jdi.event.BreakpointEvent;
import com.sun.jdi.event.ClassPrepareEvent;
import com.sun.jdi.event.Event;
import com.sun.jdi.event.EventSet;
import com.sun.jdi.event.VMDeathEvent;
import com.sun.jdi.event.VMDisconnectEvent;
import com.sun.jdi.request.ClassPrepareRequest;
import com.sun.jdi.request.EventRequest;
import dev.runinvm.junit.RunInVM;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.platform.testkit.engine.EngineExecutionResults;
import org.junit.platform.testkit.engine.EngineTestKit;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

/** A debugger on the host that stops a test in its guest, looks, changes something and lets it go on. */
@Timeout(value = 10, unit = TimeUnit.MINUTES)
class DebuggingTest {
    private static final long LOOKED_AT_MILLIS = 4000;

    @RunInVM
    static class Debugged {
        @Test
        void works() throws IOException {
            assertEquals(43, addOne(6), "the debugger has made 42 of the 6");
            assertTrue(Files.exists(Path.of("/opt/runinvm/agent.jar")), "runs in a guest");
        }

        private static int addOne(int number) {
            return number + 1;
        }
    }

    @Test
    void aDebuggerStopsTheGuestsJvm() throws Exception {
        int port = freePort();
        // The limits are far shorter than the debugger looks at the test, and than the JVM waits for it.
        CompletableFuture<EngineExecutionResults> run =
                CompletableFuture.supplyAsync(() -> EngineTestKit.engine("junit-jupiter")
                        .selectors(selectClass(Debugged.class))
                        .configurationParameter("runinvm.debug", String.valueOf(port))
                        .configurationParameter("runinvm.timeout", "1s")
                        .configurationParameter("runinvm.bootTimeout", "1s")
                        .configurationParameter("runinvm.runTimeout", "2s")
                        .execute());
        VirtualMachine jvm = attach(port, run);
        ClassPrepareRequest prepared = jvm.eventRequestManager().createClassPrepareRequest();
        prepared.addClassFilter(Debugged.class.getName());
        prepared.enable();
        jvm.resume();
        ReferenceType type = await(jvm, ClassPrepareEvent.class).referenceType();
        EventRequest breakpoint = jvm.eventRequestManager()
                .createBreakpointRequest(type.methodsByName("addOne").get(0).location());
        breakpoint.enable();
        jvm.resume();

        StackFrame frame = await(jvm, BreakpointEvent.class).thread().frame(0);
        LocalVariable number = frame.visibleVariableByName("number");
        assertEquals(6, ((IntegerValue) frame.getValue(number)).value());
        frame.setValue(number, jvm.mirrorOf(42));
        Thread.sleep(LOOKED_AT_MILLIS);
        assertTrue(!run.isDone(), "nothing has timed out");
        breakpoint.disable();
        jvm.dispose();

        run.get(5, TimeUnit.MINUTES)
                .testEvents()
                .assertStatistics(s -> s.started(1).succeeded(1));
        assertThrows(IOException.class, () -> connect(port), "the port is free when the guest has ended");
    }

    private static VirtualMachine attach(int port, CompletableFuture<?> run) throws Exception {
        AttachingConnector connector = Bootstrap.virtualMachineManager().attachingConnectors().stream()
                .filter(c -> c.name().equals("com.sun.jdi.SocketAttach"))
                .findFirst()
                .orElseThrow();
        Map<String, Connector.Argument> arguments = connector.defaultArguments();
        arguments.get("hostname").setValue("127.0.0.1");
        arguments.get("port").setValue(String.valueOf(port));
        while (true) {
            try {
                return connector.attach(arguments);
            } catch (IOException e) {
                if (run.isDone()) {
                    throw new AssertionError("the run has ended before a debugger came: " + run.get(), e);
                }
                Thread.sleep(100);
            }
        }
    }

    private static <E extends Event> E await(VirtualMachine jvm, Class<E> type) throws InterruptedException {
        while (true) {
            EventSet events = jvm.eventQueue().remove(TimeUnit.MINUTES.toMillis(5));
            if (events == null) {
                throw new AssertionError("no " + type.getSimpleName() + " within five minutes");
            }
            for (Event event : events) {
                if (type.isInstance(event)) {
                    return type.cast(event);
                }
                if (event instanceof VMDeathEvent || event instanceof VMDisconnectEvent) {
                    throw new AssertionError("the guest's JVM has ended before a " + type.getSimpleName());
                }
            }
        }
    }

    private static void connect(int port) throws IOException {
        new java.net.Socket(InetAddress.getLoopbackAddress(), port).close();
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }
}
