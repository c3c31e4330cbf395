package dev.runinvm.wire;

import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.dataformat.cbor.CBORParser;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Reads the fields of one message and refuses whatever is not exactly what is due. */
final class CborReader {
    private static final int MAX_DEPTH = 200;

    private final String what;
    private final CBORParser in;
    private int depth;
    /** A token looked at but not used yet. */
    private @Nullable JsonToken held;

    CborReader(String what, byte[] message) {
        this.what = what;
        try {
            in = CborWriter.FACTORY.createParser(message);
        } catch (IOException e) {
            throw broken("no CBOR", e);
        }
    }

    ProtocolException broken(String problem, @Nullable Throwable cause) {
        return new ProtocolException(what + ": " + problem, cause);
    }

    private @Nullable JsonToken next() {
        JsonToken seen = held;
        if (seen != null) {
            held = null;
            return seen;
        }
        try {
            return in.nextToken();
        } catch (IOException | RuntimeException e) {
            throw broken("malformed CBOR: " + e.getMessage(), e);
        }
    }

    private void require(@Nullable JsonToken found, JsonToken due) {
        if (found != due) {
            throw broken("found " + found + " where " + due + " is due", null);
        }
    }

    void begin() {
        require(next(), JsonToken.START_ARRAY);
        if (++depth > MAX_DEPTH) {
            throw broken("nested deeper than " + MAX_DEPTH, null);
        }
    }

    void end() {
        require(next(), JsonToken.END_ARRAY);
        depth--;
    }

    void finish() {
        JsonToken token = next();
        if (token != null) {
            throw broken("found " + token + " after its end", null);
        }
    }

    long number() {
        require(next(), JsonToken.VALUE_NUMBER_INT);
        try {
            return in.getLongValue();
        } catch (IOException e) {
            throw broken("a number out of range", e);
        }
    }

    int number(int least, int most) {
        long value = number();
        if (value < least || value > most) {
            throw broken("number " + value + " is not within " + least + ".." + most, null);
        }
        return (int) value;
    }

    <E extends Enum<E>> E oneOf(E[] values) {
        return values[number(0, values.length - 1)];
    }

    String text() {
        require(next(), JsonToken.VALUE_STRING);
        return string();
    }

    @Nullable
    String textOrNull() {
        JsonToken token = next();
        if (token == JsonToken.VALUE_NULL) {
            return null;
        }
        require(token, JsonToken.VALUE_STRING);
        return string();
    }

    private String string() {
        try {
            return in.getText();
        } catch (IOException e) {
            throw broken("malformed text: " + e.getMessage(), e);
        }
    }

    byte[] bytes() {
        require(next(), JsonToken.VALUE_EMBEDDED_OBJECT);
        try {
            return in.getBinaryValue();
        } catch (IOException e) {
            throw broken("malformed bytes: " + e.getMessage(), e);
        }
    }

    List<String> texts() {
        return list(CborReader::text);
    }

    Map<String, String> textMap() {
        Map<String, String> map = new LinkedHashMap<>();
        begin();
        while (!atEnd()) {
            map.put(text(), text());
        }
        end();
        return map;
    }

    Map<String, Long> numberMap() {
        Map<String, Long> map = new LinkedHashMap<>();
        begin();
        while (!atEnd()) {
            map.put(text(), number());
        }
        end();
        return map;
    }

    <T> List<T> list(Function<CborReader, T> one) {
        List<T> list = new ArrayList<>();
        begin();
        while (!atEnd()) {
            list.add(one.apply(this));
        }
        end();
        return list;
    }

    <T> @Nullable T optional(Function<CborReader, T> one) {
        List<T> list = list(one);
        if (list.size() > 1) {
            throw broken(list.size() + " values where at most one is due", null);
        }
        return list.isEmpty() ? null : list.get(0);
    }

    private boolean atEnd() {
        JsonToken token = next();
        held = token;
        return token == JsonToken.END_ARRAY;
    }
}
