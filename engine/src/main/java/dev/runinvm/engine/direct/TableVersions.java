package dev.runinvm.engine.direct;

/** Says whether page tables have changed, where the guest tells of every change of them. */
public interface TableVersions {
    /** Nothing is known of the table. */
    int UNKNOWN = -1;

    /**
     * A number that is another one after each change of a table's entries, but for accessed and dirty bits that were set.
     *
     * @param table physical address of a page table
     * @return not negative, or {@link #UNKNOWN}
     */
    int of(long table);

    /** A number that is another one after each change of any table, but for accessed and dirty bits that were set. */
    long changes();
}
