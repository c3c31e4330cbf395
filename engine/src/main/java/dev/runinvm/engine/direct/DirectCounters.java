package dev.runinvm.engine.direct;

/** What direct execution did so far. Written by the virtual CPU's thread; read by others for reports only. */
public final class DirectCounters {
    public long runs;
    public long resumes;
    public long nanosInGuest;
    public long syscalls;
    public long int80;
    public long exceptions;
    public long interpreted;
    public long preemptions;
    public long stubDeaths;
    public long stubSpawns;
    public long faultsMapped;
    public long faultsDirty;
    public long faultsForGuest;
    public long faultsNotMemory;
    public long maps;
    public long unmaps;
    public long protects;
    public long pagesMapped;
    public long revalidations;
    public long pagesRevalidated;
    public long pagesDropped;
    public long evictions;

    @Override
    public String toString() {
        return "runs " + runs + ", resumes " + resumes + ", in guest " + nanosInGuest / 1_000_000 + " ms, syscalls "
                + syscalls + ", int80 " + int80 + ", exceptions " + exceptions + ", interpreted " + interpreted
                + ", preemptions " + preemptions + ", stubs " + stubSpawns + " (died " + stubDeaths + "), faults mapped "
                + faultsMapped + " (for writing " + faultsDirty + "), faults for the guest " + faultsForGuest
                + ", not memory " + faultsNotMemory + ", mmap " + maps + ", munmap " + unmaps + ", mprotect " + protects
                + ", pages mapped " + pagesMapped + ", revalidations " + revalidations + " of " + pagesRevalidated
                + " pages, pages dropped " + pagesDropped + ", evictions " + evictions;
    }
}
