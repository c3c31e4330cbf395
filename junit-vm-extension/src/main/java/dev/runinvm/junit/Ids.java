package dev.runinvm.junit;

import java.util.List;
import org.junit.platform.engine.UniqueId;

/** Unique ids. The guest's start at its engine; the host's may have a suite's before that. */
final class Ids {
    private Ids() {}

    /** The part of an id from its last engine on: the guest's id of the same node. */
    static String inGuest(String hostId) {
        List<UniqueId.Segment> segments = UniqueId.parse(hostId).getSegments();
        int engine = 0;
        for (int i = 0; i < segments.size(); i++) {
            if (segments.get(i).getType().equals("engine")) {
                engine = i;
            }
        }
        UniqueId id = UniqueId.root(
                segments.get(engine).getType(), segments.get(engine).getValue());
        for (UniqueId.Segment segment : segments.subList(engine + 1, segments.size())) {
            id = id.append(segment);
        }
        return id.toString();
    }

    /** Whether {@code id} is {@code ancestor} or below it. */
    static boolean within(String id, String ancestor) {
        return id.startsWith(ancestor) && (id.length() == ancestor.length() || id.charAt(ancestor.length()) == '/');
    }

    /** The id above, or null for an engine's. */
    static @org.jspecify.annotations.Nullable String parent(String id) {
        UniqueId unique = UniqueId.parse(id);
        return unique.getSegments().size() < 2
                ? null
                : unique.removeLastSegment().toString();
    }

    /** The number of a template's invocation or of a dynamic node, from 1; 0 for anything else. */
    static int number(String id) {
        String value = UniqueId.parse(id).getLastSegment().getValue();
        return value.matches("#\\d{1,9}") ? Integer.parseInt(value.substring(1)) : 0;
    }
}
