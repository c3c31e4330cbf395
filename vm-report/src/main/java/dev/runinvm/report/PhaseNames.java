package dev.runinvm.report;

import java.util.LinkedHashMap;
import java.util.Map;

/** The phases of a run, in the order in which they come, each with what is done in it. */
public final class PhaseNames {
    /** From asking for a guest until there is a place for it. */
    public static final String WAIT = "wait";
    /** Kernel and file system, or a snapshot, are looked up, or made. */
    public static final String IMAGE = "image";
    /** Kernel and file system are put into the guest's memory. */
    public static final String LOAD = "load";
    /** The kernel's first instruction to its first line. */
    public static final String EARLY_KERNEL = "early kernel";
    /** The kernel's first line to the first program. */
    public static final String KERNEL = "kernel";
    /** The first program to the start of the JVM. */
    public static final String INIT = "init";
    /** The JVM's start to the agent's greeting. */
    public static final String JVM = "JVM";
    /** The guest goes on from a snapshot, until its agent says so. */
    public static final String RESTORE = "restore";
    /** Jars are sent for a snapshot that will have them, and JUnit is exercised. */
    public static final String WARM_UP = "warm-up";
    /** The guest is written down for those that come after it. */
    public static final String SNAPSHOT = "snapshot";
    /** The class path is sent. */
    public static final String CLASS_PATH = "class path";
    /** The guest's JUnit finds the tests. */
    public static final String DISCOVERY = "discovery";
    /** From there to the first test's start. */
    public static final String FIRST_TEST = "before the first test";
    /** The first test's start to the end of the last. */
    public static final String TESTS = "tests";
    /** The guest is ended. */
    public static final String END = "end";
    /** Whatever the run was doing when it was cut short. */
    public static final String CUT = "until it was cut short";

    private static final Map<String, String> MEANINGS = new LinkedHashMap<>();

    static {
        MEANINGS.put(WAIT, "waiting until memory and processors allow one more guest");
        MEANINGS.put(
                IMAGE, "kernel and file system of the guest, or its snapshot, are looked up in the cache, or made");
        MEANINGS.put(LOAD, "kernel and file system are put into the guest's memory, processor and devices are made");
        MEANINGS.put(EARLY_KERNEL, "from the kernel's first instruction to its first line on the console");
        MEANINGS.put(KERNEL, "from the kernel's first line until it starts the first program");
        MEANINGS.put(INIT, "the first program mounts file systems and finds the JDK");
        MEANINGS.put(JVM, "the guest's JVM starts and the agent in it greets the host");
        MEANINGS.put(RESTORE, "the guest goes on from its snapshot, and its clock and random numbers are renewed");
        MEANINGS.put(
                WARM_UP, "the class path's jars are sent and JUnit is exercised, for a snapshot that will have both");
        MEANINGS.put(SNAPSHOT, "the guest is written down, for those that come after it");
        MEANINGS.put(CLASS_PATH, "the tests' class path is sent to the guest");
        MEANINGS.put(DISCOVERY, "the guest's JUnit starts and finds the tests");
        MEANINGS.put(FIRST_TEST, "what comes before the first test: lifecycle methods of classes around it");
        MEANINGS.put(TESTS, "the tests run");
        MEANINGS.put(END, "the guest ends and gives back what it held");
        MEANINGS.put(CUT, "the guest ended before this was over");
    }

    private PhaseNames() {}

    /** What is done in each phase, in order. */
    public static Map<String, String> meanings() {
        return java.util.Collections.unmodifiableMap(MEANINGS);
    }
}
