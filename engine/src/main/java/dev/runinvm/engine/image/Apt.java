package dev.runinvm.engine.image;

import dev.runinvm.engine.HostLacks;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Debian's package client with a state directory of our own, so that it needs no root and changes nothing of the
 * machine's. Where packages come from, and whose signatures count, is the machine's own configuration.
 */
final class Apt implements PackageClient {
    private static final Logger LOG = LoggerFactory.getLogger(Apt.class);
    private static final Pattern KERNEL_PART = Pattern.compile("linux-(image|modules)-[a-z0-9.+-]+");
    private static final Pattern PACKAGE_NAME =
            Pattern.compile("[a-z0-9][a-z0-9+.-]+(:[a-z0-9]+)?(=[A-Za-z0-9.+~:-]+)?");
    private static final long LISTS_FRESH_MILLIS = 3_600_000;

    private final Path state;
    private final String path;
    private final Duration deadline;
    private final Progress progress;

    Apt(Path state, Progress progress) {
        this(state, progress, System.getenv().getOrDefault("PATH", "/usr/bin:/bin"));
    }

    /** @param path directories the client's programs are looked for in, separated by colons */
    Apt(Path state, Progress progress, String path) {
        this.state = state;
        this.path = path;
        this.progress = progress;
        this.deadline = Duration.ofSeconds(Long.getLong("runinvm.apt.timeout", 300));
    }

    /** The program's path, null if this machine does not have it. */
    private @Nullable Path find(String program) {
        for (String directory : path.split(":")) {
            if (!directory.isEmpty() && Files.isExecutable(Path.of(directory, program))) {
                return Path.of(directory, program);
            }
        }
        return null;
    }

    @Override
    public Map<String, Path> download(String packageName, Path into) {
        if (!PACKAGE_NAME.matcher(packageName).matches()) {
            throw new HostLacks("not a Debian package's name: " + packageName);
        }
        if (find("apt-get") == null) {
            throw new HostLacks("cannot fetch " + packageName + ": this machine has no apt-get");
        }
        prepareState();
        String updateTrouble = updateLists();
        Set<String> wanted = resolve(packageName, updateTrouble);
        List<String> command = command("apt-get");
        command.add("download");
        command.addAll(wanted);
        progress.at("fetching " + String.join(", ", wanted), 0, 0);
        HostCommand.Result result = HostCommand.run(command, into, deadline, l -> {});
        if (result.status() != 0) {
            throw new HostLacks("cannot fetch the Debian package " + String.join(", ", wanted)
                    + " (apt-get download, status " + result.status() + "); is there a network?\n" + result.tail());
        }
        return downloaded(into, wanted);
    }

    private static Map<String, Path> downloaded(Path into, Set<String> wanted) {
        Map<String, Path> files = new LinkedHashMap<>();
        try (DirectoryStream<Path> debs = Files.newDirectoryStream(into, "*.deb")) {
            for (Path deb : debs) {
                String name = deb.getFileName().toString();
                files.put(name.substring(0, Math.max(0, name.indexOf('_'))), deb);
            }
        } catch (IOException e) {
            throw new HostLacks("cannot read " + into + ": " + Cache.reason(e), e);
        }
        if (files.size() != wanted.size()) {
            throw new HostLacks("apt-get download left " + files.keySet() + " instead of " + wanted);
        }
        return files;
    }

    private void prepareState() {
        try {
            Files.createDirectories(state.resolve("lists/partial"));
            Files.createDirectories(state.resolve("cache/archives/partial"));
            Files.writeString(state.resolve("apt.conf"), """
                    Dir::State "%s";
                    Dir::State::lists "lists/";
                    Dir::Cache "%s";
                    Dir::Log "%s";
                    Acquire::Languages "none";
                    Acquire::Retries "2";
                    Acquire::http::Timeout "30";
                    Acquire::https::Timeout "30";
                    APT::Sandbox::User "root";
                    #clear APT::Update::Pre-Invoke;
                    #clear APT::Update::Post-Invoke;
                    #clear APT::Update::Post-Invoke-Success;
                    """.formatted(state, state.resolve("cache"), state));
        } catch (IOException e) {
            throw new HostLacks("cannot write apt's private state to " + state + ": " + Cache.reason(e), e);
        }
    }

    private List<String> command(String program) {
        Path file = find(program);
        if (file == null) {
            throw new HostLacks("this machine has no " + program);
        }
        return new ArrayList<>(
                List.of(file.toString(), "-q", "-c", state.resolve("apt.conf").toString()));
    }

    /** Brings the package lists up to date. A failure is told only if the package then is not found. */
    private String updateLists() {
        Path stamp = state.resolve("updated");
        try {
            if (Files.exists(stamp)
                    && System.currentTimeMillis()
                                    - Files.getLastModifiedTime(stamp).toMillis()
                            < LISTS_FRESH_MILLIS) {
                return "";
            }
            progress.at("reading package lists", 0, 0);
            List<String> command = command("apt-get");
            command.add("update");
            HostCommand.Result result = HostCommand.run(command, null, deadline, l -> {
                if (l.startsWith("Get:")) {
                    progress.at("reading package lists: " + l, 0, 0);
                }
            });
            boolean complete = result.status() == 0
                    && result.lines().stream().noneMatch(l -> l.startsWith("W:") || l.startsWith("E:"));
            if (complete) {
                Files.writeString(stamp, "");
                return "";
            }
            LOG.debug("apt-get update: {}", result.tail());
            return "\napt-get update said:\n" + result.tail();
        } catch (IOException e) {
            throw new HostLacks("cannot use apt's private state in " + state + ": " + Cache.reason(e), e);
        }
    }

    /** Follows a kernel's meta packages to the packages that hold files. */
    private Set<String> resolve(String packageName, String updateTrouble) {
        Set<String> seen = new LinkedHashSet<>();
        Set<String> real = new LinkedHashSet<>();
        List<String> todo = new ArrayList<>(List.of(packageName));
        while (!todo.isEmpty() && seen.size() < 12) {
            String name = todo.remove(0);
            if (!seen.add(name)) {
                continue;
            }
            List<String> parts = kernelParts(name, updateTrouble);
            boolean holdsFiles = parts.stream().noneMatch(p -> p.startsWith("linux-image-"));
            if (holdsFiles) {
                real.add(name);
            }
            todo.addAll(parts);
        }
        return real;
    }

    private List<String> kernelParts(String name, String updateTrouble) {
        List<String> command = command("apt-cache");
        command.add("--no-all-versions");
        command.add("show");
        command.add(name);
        HostCommand.Result result = HostCommand.run(command, null, deadline, l -> {});
        if (result.status() != 0 || result.lines().stream().noneMatch(l -> l.startsWith("Package:"))) {
            throw new HostLacks("there is no Debian package " + name + " in this machine's package sources, or they"
                    + " could not be read; is there a network?" + updateTrouble);
        }
        List<String> parts = new ArrayList<>();
        if (KERNEL_PART.matcher(name).lookingAt()) {
            for (String line : result.lines()) {
                if (line.startsWith("Depends:")) {
                    Matcher m = KERNEL_PART.matcher(line);
                    while (m.find()) {
                        parts.add(m.group());
                    }
                }
            }
        }
        return parts;
    }
}
