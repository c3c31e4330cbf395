package dev.runinvm.engine.image;

/** Told what preparing an image is at; called from the preparing thread, at most some times a second. */
@FunctionalInterface
public interface Progress {
    /** Says nothing. */
    Progress NONE = (phase, done, total) -> {};

    /**
     * Work went on.
     *
     * @param phase what is being done, for people: {@code fetching linux-image-cloud-amd64}
     * @param done bytes or steps done so far
     * @param total of how many, or 0 if not known
     */
    void at(String phase, long done, long total);
}
