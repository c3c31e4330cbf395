package dev.runinvm.report;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Sees to it that a document that was read has what the format demands: what is absent from JSON arrives as null. */
final class Checked {
    private Checked() {}

    /** The document, its lists never null. */
    static RunDocument complete(RunDocument run, Path file) throws IOException {
        require(run.id(), "id", file);
        require(run.technique(), "technique", file);
        require(run.name(), "name", file);
        require(run.className(), "className", file);
        require(run.startedAt(), "startedAt", file);
        require(run.host(), "host", file);
        require(run.guest(), "guest", file);
        require(run.end(), "end", file);
        for (RunDocument.TestEntry test : list(run.tests())) {
            require(test.id(), "tests.id", file);
            require(test.displayName(), "tests.displayName", file);
            require(test.outcome(), "tests.outcome", file);
        }
        return new RunDocument(
                run.version(),
                run.id(),
                run.technique(),
                run.name(),
                run.className(),
                list(run.selected()),
                run.startedAt(),
                run.nanos(),
                new RunDocument.Host(list(run.host().facts())),
                run.guest(),
                list(run.phases()),
                run.counters() == null ? Map.of() : run.counters(),
                list(run.tests()),
                run.output(),
                run.end(),
                list(run.files()),
                list(run.notes()));
    }

    /** The document with the paths of its files relative to another folder, those that lead out of it left out. */
    static RunDocument rebased(RunDocument run, Path directory, Path file) {

        Path base = directory.toAbsolutePath().normalize();
        List<RunDocument.FileLink> files = new ArrayList<>();
        for (RunDocument.FileLink link : run.files()) {
            Path target = file.toAbsolutePath().resolveSibling(link.path()).normalize();
            if (target.startsWith(base)) {
                files.add(new RunDocument.FileLink(
                        link.label(), base.relativize(target).toString().replace('\\', '/')));
            }
        }
        return new RunDocument(
                run.version(),
                run.id(),
                run.technique(),
                run.name(),
                run.className(),
                run.selected(),
                run.startedAt(),
                run.nanos(),
                run.host(),
                run.guest(),
                run.phases(),
                run.counters(),
                run.tests(),
                run.output(),
                run.end(),
                files,
                run.notes());
    }

    private static void require(@Nullable Object value, String name, Path file) throws IOException {
        if (value == null) {
            throw new IOException(file + " has no \"" + name + "\", so it is no document of a run");
        }
    }

    private static <T> List<T> list(@Nullable List<T> list) {
        return list == null ? List.of() : list;
    }
}
