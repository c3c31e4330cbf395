package dev.runinvm.maven.run;

import dev.runinvm.client.FileMapping;
import dev.runinvm.client.GuestJvm;
import dev.runinvm.client.GuestSession;
import dev.runinvm.engine.VmConfig;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * How to run test classes.
 *
 * @param vm what a guest is to be; agent, JVM and console are filled in
 * @param jvm of the guest
 * @param classPath of the tests
 * @param classes their names
 * @param chosen decides on methods
 * @param groups tag expressions, one of which a test must meet, if there are any
 * @param excludedGroups tag expressions, none of which a test may meet
 * @param configuration JUnit's configuration parameters
 * @param properties system properties
 * @param limits how long things may take
 * @param parallelGuests how many guests work on the classes at a time
 * @param reuseGuests whether a guest takes one class after the other, or each class gets a fresh guest
 * @param reruns how often what failed is run again
 * @param files of the host that are copied into guests
 * @param filesLimit bytes of files that a guest may send back
 * @param snapshots whether guests may come from snapshots; otherwise each boots
 * @param logs directory of the guests' consoles
 */
public record RunSettings(
        VmConfig vm,
        GuestJvm jvm,
        List<Path> classPath,
        List<String> classes,
        TestClasses chosen,
        List<String> groups,
        List<String> excludedGroups,
        Map<String, String> configuration,
        Map<String, String> properties,
        GuestSession.Limits limits,
        int parallelGuests,
        boolean reuseGuests,
        int reruns,
        List<FileMapping> files,
        long filesLimit,
        boolean snapshots,
        Path logs) {}
