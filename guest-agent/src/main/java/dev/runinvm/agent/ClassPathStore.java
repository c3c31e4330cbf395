package dev.runinvm.agent;

import dev.runinvm.wire.HostMessage;
import dev.runinvm.wire.ProtocolException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
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
        Path home = Files.createDirectories(directory.resolve(put.hash().substring(0, 16)));
        Path file = home.resolve(Path.of(put.name()).getFileName().toString());
        MessageDigest digest = sha256();
        long left = put.size();
        try (OutputStream out = Files.newOutputStream(file)) {
            while (left > 0) {
                if (!(link.receive() instanceof HostMessage.Data data)) {
                    throw new ProtocolException(left + " bytes of " + put.name() + " are due, and something else came");
                }
                if (data.bytes().length > left) {
                    throw new ProtocolException("more bytes of " + put.name() + " came than announced");
                }
                digest.update(data.bytes());
                out.write(data.bytes());
                left -= data.bytes().length;
            }
        }
        String hash = HexFormat.of().formatHex(digest.digest());
        if (!hash.equals(put.hash())) {
            throw new ProtocolException(put.name() + " arrived with hash " + hash + ", announced was " + put.hash());
        }
        entries.put(hash, put.kind() == HostMessage.EntryKind.DIRECTORY ? unpack(file, home) : file);
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

    private Path unpack(Path zip, Path home) throws IOException {
        List<String> names = new ArrayList<>();
        Path root = Files.createDirectory(home.resolve("classes"));
        try (InputStream file = Files.newInputStream(zip);
                ZipInputStream in = new ZipInputStream(file)) {
            ZipEntry entry;
            while ((entry = in.getNextEntry()) != null) {
                Path target = root.resolve(entry.getName()).normalize();
                if (!target.startsWith(root)) {
                    throw new ProtocolException("entry " + entry.getName() + " leaves its directory");
                }
                if (entry.isDirectory()) {
                    Files.createDirectories(target);
                } else {
                    Files.createDirectories(target.getParent());
                    Files.copy(in, target);
                    if (entry.getName().endsWith(".class")) {
                        String name = entry.getName();
                        names.add(name.substring(0, name.length() - 6).replace('/', '.'));
                    }
                }
            }
        }
        Files.delete(zip);
        classes.put(root, names);
        return root;
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }
}
