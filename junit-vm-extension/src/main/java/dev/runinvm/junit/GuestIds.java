package dev.runinvm.junit;

import java.util.ArrayList;
import java.util.List;

/**
 * How a host's unique ids map to those of the same nodes in one guest. They are the same, but for the segment that stands for
 * the technique: what is invocation {@code #2} of its template on the host is the guest's only one, {@code #1}.
 *
 * @param prefixes the deepest first
 */
record GuestIds(List<Prefix> prefixes) {
    static final GuestIds SAME = new GuestIds(List.of());

    private record Prefix(String host, String guest) {}

    /** These, and a mapping for what is below one invocation of a template. */
    GuestIds withInvocation(String hostInvocation) {
        String host = Ids.inGuest(hostInvocation);
        String guest = inGuest(host);
        List<Prefix> all = new ArrayList<>();
        all.add(new Prefix(host, guest.replaceFirst("#\\d+\\]$", "#1]")));
        all.addAll(prefixes);
        return new GuestIds(List.copyOf(all));
    }

    /** The guest's id of a node of the host's. */
    String inGuest(String hostId) {
        String id = Ids.inGuest(hostId);
        for (Prefix p : prefixes) {
            if (Ids.within(id, p.host)) {
                return p.guest + id.substring(p.host.length());
            }
        }
        return id;
    }

    /** The host's id, from its engine on, of a node of the guest's. */
    String onHost(String guestId) {
        for (Prefix p : prefixes) {
            if (Ids.within(guestId, p.guest)) {
                return p.host + guestId.substring(p.guest.length());
            }
        }
        return guestId;
    }
}
