package dev.runinvm.engine;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.CodeSource;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;

/** Which build of the engine this is: what it writes down may mean something else to another. */
final class EngineIdentity {
    private static final String IDENTITY = find();

    private EngineIdentity() {}

    static String get() {
        return IDENTITY;
    }

    /** Names and contents of the files that its classes come from. */
    private static String find() {
        CodeSource source = EngineIdentity.class.getProtectionDomain().getCodeSource();
        if (source == null || source.getLocation() == null) {
            return "unknown";
        }
        try (Stream<Path> files = Files.walk(Path.of(source.getLocation().toURI()))) {
            return hash(files.filter(Files::isRegularFile)
                    .sorted()
                    .map(EngineIdentity::describe)
                    .toList());
        } catch (IOException | URISyntaxException | IllegalArgumentException e) {
            throw new HostLacks("cannot read the engine's own classes at " + source.getLocation() + ": " + e, e);
        }
    }

    private static String describe(Path file) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            return file.getFileName() + " " + HexFormat.of().formatHex(digest.digest(Files.readAllBytes(file)));
        } catch (IOException e) {
            throw new HostLacks("cannot read the engine's own class " + file + ": " + e, e);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    /** 32 hexadecimal digits for a list of texts. */
    static String hash(List<String> texts) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            for (String text : texts) {
                byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
                digest.update((bytes.length + ":").getBytes(StandardCharsets.UTF_8));
                digest.update(bytes);
            }
            return HexFormat.of().formatHex(digest.digest(), 0, 16);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }
}
