package dev.runinvm.wire;

import com.fasterxml.jackson.dataformat.cbor.CBORFactory;
import com.fasterxml.jackson.dataformat.cbor.CBORGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/** Writes the fields of one message, one CBOR item after the other. */
final class CborWriter {
    static final CBORFactory FACTORY = new CBORFactory();

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream(256);
    private final CBORGenerator out;

    CborWriter() {
        try {
            out = FACTORY.createGenerator(bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    byte[] finish() {
        return run(() -> {
            out.close();
            return bytes.toByteArray();
        });
    }

    CborWriter begin() {
        return run(() -> {
            out.writeStartArray();
            return this;
        });
    }

    CborWriter end() {
        return run(() -> {
            out.writeEndArray();
            return this;
        });
    }

    CborWriter number(long value) {
        return run(() -> {
            out.writeNumber(value);
            return this;
        });
    }

    CborWriter text(@Nullable String value) {
        return run(() -> {
            out.writeString(value == null ? null : wellFormed(value));
            return this;
        });
    }

    CborWriter bytes(byte[] value) {
        return run(() -> {
            out.writeBinary(value);
            return this;
        });
    }

    CborWriter texts(List<String> values) {
        return list(values, CborWriter::text);
    }

    CborWriter texts(Map<String, String> values) {
        begin();
        values.forEach((k, v) -> text(k).text(v));
        return end();
    }

    <T> CborWriter list(List<T> values, BiConsumer<CborWriter, T> one) {
        begin();
        values.forEach(v -> one.accept(this, v));
        return end();
    }

    <T> CborWriter optional(@Nullable T value, BiConsumer<CborWriter, T> one) {
        begin();
        if (value != null) {
            one.accept(this, value);
        }
        return end();
    }

    /** CBOR text is UTF-8, which has no lone surrogates; a test may well print or throw some. */
    private static String wellFormed(String s) {
        boolean plain = s.chars().noneMatch(c -> Character.isSurrogate((char) c));
        return plain ? s : new String(s.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8);
    }

    private interface Step<T> {
        T run() throws IOException;
    }

    private static <T> T run(Step<T> step) {
        try {
            return step.run();
        } catch (IOException e) {
            throw new UncheckedIOException("cannot encode a message", e);
        }
    }
}
