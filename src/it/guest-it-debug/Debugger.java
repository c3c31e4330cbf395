import com.sun.jdi.Bootstrap;
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
import com.sun.jdi.request.ClassPrepareRequest;
import com.sun.jdi.request.EventRequest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** A debugger: waits for the port that the build will open, stops the test's JVM there, looks and changes something. */
class Debugger {
    private static final long END = System.nanoTime() + 8 * 60_000_000_000L;

    public static void main(String[] args) throws Exception {
        VirtualMachine jvm = attach(args[0]);
        ClassPrepareRequest prepared = jvm.eventRequestManager().createClassPrepareRequest();
        prepared.addClassFilter("example.DebuggedIT");
        prepared.enable();
        jvm.resume();
        ReferenceType type = await(jvm, ClassPrepareEvent.class).referenceType();
        EventRequest breakpoint = jvm.eventRequestManager()
                .createBreakpointRequest(type.methodsByName("addOne").get(0).location());
        breakpoint.enable();
        jvm.resume();
        StackFrame frame = await(jvm, BreakpointEvent.class).thread().frame(0);
        LocalVariable number = frame.visibleVariableByName("number");
        Files.writeString(Path.of(args[1]), frame.getValue(number).toString());
        frame.setValue(number, jvm.mirrorOf(42));
        Thread.sleep(3000); // longer than a test may take when nobody looks
        breakpoint.disable();
        jvm.dispose();
    }

    private static VirtualMachine attach(String port) throws Exception {
        AttachingConnector connector = Bootstrap.virtualMachineManager().attachingConnectors().stream()
                .filter(c -> c.name().equals("com.sun.jdi.SocketAttach"))
                .findFirst()
                .orElseThrow();
        Map<String, Connector.Argument> arguments = connector.defaultArguments();
        arguments.get("hostname").setValue("127.0.0.1");
        arguments.get("port").setValue(port);
        while (true) {
            try {
                return connector.attach(arguments);
            } catch (IOException e) {
                requireTime(e);
                Thread.sleep(100);
            }
        }
    }

    private static <E extends Event> E await(VirtualMachine jvm, Class<E> type) throws Exception {
        while (true) {
            requireTime(null);
            EventSet events = jvm.eventQueue().remove(10_000);
            if (events != null) {
                for (Event event : events) {
                    if (type.isInstance(event)) {
                        return type.cast(event);
                    }
                }
            }
        }
    }

    private static void requireTime(Exception e) throws Exception {
        if (System.nanoTime() > END) {
            throw new IllegalStateException("it took too long", e);
        }
    }
}
