package dev.runinvm.agent;

import dev.runinvm.wire.HostMessage;
import dev.runinvm.wire.ProtocolException;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/** The agent's entry point. */
public final class AgentMain {
    /** Set in every guest: what asks for a guest of its own knows by it that it is in one. */
    public static final String GUEST_PROPERTY = "runinvm.guest";

    private AgentMain() {}

    /**
     * Runs the agent over the channel's PCI function, with another doorbell if one is named. Ends with status 0 after the host's goodbye, 71 if there is no channel,
     * 70 if the host broke the protocol or the class path could not be stored.
     *
     * @param args nothing, or the console that is the doorbell
     */
    public static void main(String[] args) {
        PrintStream console = System.err;
        ByteBuffer window;
        Doorbell doorbell;
        try {
            PciDoorbell device = PciDoorbell.open(Path.of("/sys/bus/pci/devices"));
            window = device.window();
            doorbell = args.length > 0 ? ConsoleDoorbell.open(Path.of(args[0])) : device;
        } catch (IOException | RuntimeException e) {
            console.println("runinvm agent: no channel to the host: " + e);
            System.exit(71);
            return;
        }
        System.exit(serve(window, doorbell, Path.of("/tmp/runinvm/cp"), console));
    }

    /**
     * Serves one host over any window and doorbell; takes over System.out and System.err.
     *
     * @param directory where what comes of the class path is kept
     * @param console told of what makes the agent end early
     * @return exit status for the JVM
     */
    public static int serve(ByteBuffer window, Doorbell doorbell, Path directory, PrintStream console) {
        System.setProperty(GUEST_PROPERTY, "true");
        try {
            Agent agent = new Agent(window, doorbell, directory, Path.of(HostMessage.CLASS_PATH_DISK));
            agent.capture();
            Runtime.getRuntime().addShutdownHook(agent.lastWords());
            agent.serve();
            return 0;
        } catch (IOException | ProtocolException e) {
            console.println("runinvm agent: " + e);
            return 70;
        }
    }
}
