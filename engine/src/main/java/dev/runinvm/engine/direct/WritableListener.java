package dev.runinvm.engine.direct;

/** Hears which physical pages guest code can from now on write without our noticing. */
@FunctionalInterface
public interface WritableListener {
    /**
     * A page has become writable in a mirror; whoever keeps code decoded from it must forget that now, and may not
     * rely on it again while ring-3 code can run.
     *
     * @param physicalPage physical address of the page's first byte
     */
    void pageBecameWritable(long physicalPage);
}
