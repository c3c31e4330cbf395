package dev.runinvm.report;

/** Collects text up to a limit and counts what came after. Not thread-safe. */
public final class BoundedText {
    private final StringBuilder kept = new StringBuilder();
    private final int limit;
    private long dropped;

    /** @param limit characters to keep at the most */
    public BoundedText(int limit) {
        this.limit = limit;
    }

    /** Takes more text; never splits a surrogate pair. */
    public void append(String text) {
        int room = limit - kept.length();
        if (dropped > 0) {
            room = 0;
        }
        if (text.length() <= room) {
            kept.append(text);
            return;
        }
        int cut = room;
        if (cut > 0 && Character.isHighSurrogate(text.charAt(cut - 1))) {
            cut--;
        }
        kept.append(text, 0, cut);
        dropped += text.length() - cut;
    }

    /** Characters kept. */
    public int length() {
        return kept.length();
    }

    /** Whether nothing came. */
    public boolean isEmpty() {
        return kept.isEmpty() && dropped == 0;
    }

    /** What was kept, and how much was not. */
    public RunDocument.Output output() {
        return new RunDocument.Output(kept.toString(), dropped);
    }
}
