package dev.runinvm.corpus;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.jspecify.annotations.Nullable;

/**
 * Differences that are understood: each line of the file is a library, a regular expression that is found in the test's id,
 * and the reason, separated by white space and a colon; {@code #} starts a comment.
 */
record KnownDifferences(List<Known> all) {
    /** One line. */
    record Known(String library, Pattern id, String reason) {}

    static KnownDifferences read(Path file) throws IOException {
        List<Known> all = new ArrayList<>();
        for (String line : Files.readAllLines(file)) {
            if (line.isBlank() || line.startsWith("#")) {
                continue;
            }
            String[] parts = line.trim().split("\\s+", 3);
            if (parts.length < 3 || !parts[2].startsWith(": ")) {
                throw new IOException(file + ": \"" + line + "\" is not \"library pattern : reason\"");
            }
            try {
                all.add(new Known(parts[0], Pattern.compile(parts[1]), parts[2].substring(2)));
            } catch (PatternSyntaxException e) {
                throw new IOException(file + ": " + e.getMessage(), e);
            }
        }
        return new KnownDifferences(all);
    }

    @Nullable
    String reason(String library, String id) {
        return all.stream()
                .filter(k -> k.library.equals(library) && k.id.matcher(id).find())
                .map(Known::reason)
                .findFirst()
                .orElse(null);
    }
}
