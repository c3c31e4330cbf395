package dev.runinvm.engine.direct;

/** What is mirrored of 2 MB of a guest's address space: the reach of one page table. */
final class Region {
    static final int PAGES = 512;
    static final int SHIFT = 21;

    /** Guest virtual address of the first byte. */
    final long address;
    /** The tables' answer for this region when it was last looked at; see {@link Tables}. */
    long table;

    int rights;
    boolean large;
    long largeEntry;
    /** The table's version when all pages were last compared with it; see {@link TableVersions}. */
    int version = TableVersions.UNKNOWN;
    /** Page-table entry each page was mapped from; 0 where nothing is mapped. With large pages, its physical address|1. */
    final long[] entry = new long[PAGES];
    /** Protection each page is mapped with (PROT_*). */
    final byte[] protection = new byte[PAGES];
    /** Number of pages mapped. */
    int mapped;

    Region(long address) {
        this.address = address;
    }
}
