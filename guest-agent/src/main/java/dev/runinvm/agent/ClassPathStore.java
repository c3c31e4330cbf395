package dev.runinvm.agent;

import dev.runinvm.wire.HostMessage;
import dev.runinvm.wire.ProtocolException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;

/** The pieces of the class path that the host has sent, by the hash of their content, in a directory of the guest's. */
final class ClassPathStore {
    private final Path directory;
    private final Map<String, Path> entries = new HashMap<>();
    private final Map<Path, List<String>> classes = new HashMap<>();

    ClassPathStore(Path directory) {
        this.directory = directory;
    }

    /** Receives one piece: its announcement has been read, its bytes follow. */
    void receive(HostMessage.Put put, Link link) throws IOException {
        receive(put, link::receive);
    }

    /** As {@link #receive(HostMessage.Put, Link)}, from wherever. */
    Path receive(HostMessage.Put put, Supplier<HostMessage> messages) throws IOException {
        Path home = Files.createDirectories(directory.resolve(put.hash().substring(0, 16)));
        Arrival arrival = new Arrival(put, messages);
        Path place;
        if (put.kind() == HostMessage.EntryKind.DIRECTORY) {
            place = unpack(arrival, home);
        } else {
            place = home.resolve(Path.of(put.name()).getFileName().toString());
            try (OutputStream out = Files.newOutputStream(place)) {
                byte[] part;
                while ((part = arrival.next()).length > 0) {
                    out.write(part);
                }
            }
        }
        arrival.finish();
        entries.put(put.hash(), place);
        return place;
    }

    /** The entries with these hashes, in this order. */
    List<Path> resolve(List<String> hashes) {
        List<Path> paths = new ArrayList<>();
        for (String hash : hashes) {
            Path path = entries.get(hash);
            if (path == null) {
                throw new ProtocolException("class path entry " + hash + " was never sent");
            }
            paths.add(path);
        }
        return paths;
    }

    /** Names of the classes in a directory that was sent. */
    List<String> classesIn(Path root) {
        return classes.getOrDefault(root, List.of());
    }

    /** Each system call counts: a build may have thousands of classes. */
    private Path unpack(InputStream zip, Path home) throws IOException {
        List<String> names = new ArrayList<>();
        Path root = Files.createDirectory(home.resolve("classes"));
        Set<Path> made = new HashSet<>();
        made.add(root);
        // Not closed: the stream it reads from has more to say.
        ZipInputStream in = new ZipInputStream(zip);
        byte[] buffer = new byte[1 << 14];
        ZipEntry entry;
        while ((entry = in.getNextEntry()) != null) {
            String name = entry.getName();
            Path target = root.resolve(name).normalize();
            if (!target.startsWith(root)) {
                throw new ProtocolException("entry " + name + " leaves its directory");
            }
            Path folder = entry.isDirectory() ? target : target.getParent();
            if (made.add(folder)) {
                Files.createDirectories(folder);
            }
            if (entry.isDirectory()) {
                continue;
            }
            try (OutputStream out =
                    Files.newOutputStream(target, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                int n;
                while ((n = in.readNBytes(buffer, 0, buffer.length)) > 0) {
                    out.write(buffer, 0, n);
                }
            }
            if (name.endsWith(".class")) {
                names.add(name.substring(0, name.length() - 6).replace('/', '.'));
            }
        }
        classes.put(root, names);
        return root;
    }

    /** Forgets a directory that was received, and removes it. */
    void remove(HostMessage.Put put) throws IOException {
        Path root = entries.remove(put.hash());
        if (root != null) {
            classes.remove(root);
            FileSender.empty(root);
            Files.delete(root);
        }
    }
}
