package dev.runinvm.agent;

import dev.runinvm.wire.HostMessage;
import dev.runinvm.wire.ProtocolException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The pieces of the class path that the host has sent, by the hash of their content, in a directory of the guest's. */
final class ClassPathStore {
    private static final String CLASS = ".class";

    private final Path directory;
    private final Path disk;
    private final Map<String, Path> entries = new HashMap<>();
    private final Map<Path, List<String>> classes = new HashMap<>();

    /**
     * @param directory for what is sent
     * @param disk with what need not be sent: {@link HostMessage#CLASS_PATH_DISK}
     */
    ClassPathStore(Path directory, Path disk) {
        this.directory = directory;
        this.disk = disk;
    }

    /** Receives one piece: its announcement has been read, its bytes follow. */
    Path receive(HostMessage.Put put, Arrival arrival) throws IOException {
        Path home = Files.createDirectories(directory.resolve(put.hash().substring(0, 16)));
        Path place;
        if (put.kind() == HostMessage.EntryKind.DIRECTORY) {
            place = home.resolve("classes");
            classes.put(
                    place,
                    Unpacker.unpack(arrival, place).stream()
                            .filter(name -> name.endsWith(CLASS))
                            .map(name -> name.substring(0, name.length() - CLASS.length())
                                    .replace('/', '.'))
                            .toList());
        } else {
            place = home.resolve(Path.of(put.name()).getFileName().toString());
            arrival.write(place);
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
                path = onDisk(hash);
            }
            if (path == null) {
                throw new ProtocolException("class path entry " + hash + " was never sent");
            }
            paths.add(path);
        }
        return paths;
    }

    private @Nullable Path onDisk(String hash) {
        Path home = disk.resolve(hash);
        if (!Files.isDirectory(home)) {
            return null;
        }
        try (Stream<Path> files = Files.list(home)) {
            return files.findFirst().orElse(null);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read the disk with the class path", e);
        }
    }

    /** Names of the classes in a directory that was sent. */
    List<String> classesIn(Path root) {
        return classes.getOrDefault(root, List.of());
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
