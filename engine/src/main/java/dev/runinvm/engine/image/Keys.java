package dev.runinvm.engine.image;

import dev.runinvm.engine.HostLacks;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;

/** Keys of cache entries: a hash of everything the entry is made from. */
final class Keys {
    private Keys() {}

    /** A key of 32 hexadecimal digits. */
    static String of(Object... inputs) {
        MessageDigest digest = Cache.sha256();
        for (Object input : inputs) {
            byte[] bytes = String.valueOf(input).getBytes(StandardCharsets.UTF_8);
            digest.update((bytes.length + ":").getBytes(StandardCharsets.UTF_8));
            digest.update(bytes);
        }
        return HexFormat.of().formatHex(digest.digest(), 0, 16);
    }

    /** Names, sizes and times of a directory's files. */
    static String ofTree(Path directory) {
        try (Stream<Path> walk = Files.walk(directory)) {
            List<Path> files = walk.sorted().toList();
            StringBuilder all = new StringBuilder();
            for (Path file : files) {
                if (Files.isRegularFile(file)) {
                    all.append(ofFile(file)).append('\n');
                }
            }
            return of(all);
        } catch (IOException | java.io.UncheckedIOException e) {
            throw new HostLacks("cannot read the directory " + directory + ": " + e.getMessage(), e);
        }
    }

    /** Name, size and time of a file. */
    static String ofFile(Path file) throws IOException {
        return file + " " + Files.size(file) + " "
                + Files.getLastModifiedTime(file).to(java.util.concurrent.TimeUnit.NANOSECONDS);
    }
}
