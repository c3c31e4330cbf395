package dev.runinvm.agent;

import com.sun.tools.attach.AgentInitializationException;
import com.sun.tools.attach.AgentLoadException;
import com.sun.tools.attach.AttachNotSupportedException;
import com.sun.tools.attach.VirtualMachine;
import java.io.IOException;

/** Loads a Java agent into a JVM that runs: a program of its own, since a JVM may not attach to itself. */
final class Attacher {
    private Attacher() {}

    /** Arguments: process id, jar, options. */
    public static void main(String[] args)
            throws AttachNotSupportedException, IOException, AgentLoadException, AgentInitializationException {
        VirtualMachine jvm = VirtualMachine.attach(args[0]);
        try {
            jvm.loadAgent(args[1], args[2]);
        } finally {
            jvm.detach();
        }
    }
}
