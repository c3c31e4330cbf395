package dev.runinvm.maven.run;

import dev.runinvm.engine.HostLacks;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Options of a JVM, as a command line has them. */
public final class JvmOptions {
    private JvmOptions() {}

    /**
     * Takes a line apart at white space; single and double quotes keep it together.
     *
     * @throws HostLacks if a quote is not closed
     */
    public static List<String> split(@Nullable String line) {
        List<String> words = new ArrayList<>();
        if (line == null) {
            return words;
        }
        StringBuilder word = new StringBuilder();
        boolean any = false;
        char quote = 0;
        for (char c : line.toCharArray()) {
            if (quote != 0) {
                if (c == quote) {
                    quote = 0;
                } else {
                    word.append(c);
                }
            } else if (c == '"' || c == '\'') {
                quote = c;
                any = true;
            } else if (Character.isWhitespace(c)) {
                if (any) {
                    words.add(word.toString());
                    word.setLength(0);
                    any = false;
                }
            } else {
                word.append(c);
                any = true;
            }
        }
        if (quote != 0) {
            throw new HostLacks("vm.argLine has a quote that is not closed: " + line);
        }
        if (any) {
            words.add(word.toString());
        }
        return words;
    }
}
