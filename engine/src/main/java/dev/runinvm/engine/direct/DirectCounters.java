package dev.runinvm.engine.direct;

import java.util.Map;
import java.util.TreeMap;

/** What direct execution did so far. Written by the virtual CPU's thread; read by others for reports only. */
final class DirectCounters {
    long runs;
    long resumes;
    long nanosInGuest;
    long syscalls;
    long int80;
    long exceptions;
    long interpreted;
    long preemptions;
    long stubDeaths;
    long stubSpawns;
    long faultsMapped;
    long faultsForeseen;
    long faultsDirty;
    long faultsForGuest;
    long faultsNotMemory;
    long maps;
    long unmaps;
    long protects;
    long pagesMapped;
    long revalidations;
    long pagesRevalidated;
    long pagesDropped;
    long evictions;
    long regionsUnchanged;
    long revalidationsSpared;
    long cpuidPages;
    long cpuidVisits;
    long cpuidTraps;

    /** All of them, by name. */
    Map<String, Long> asMap() {
        Map<String, Long> m = new TreeMap<>();
        m.put("direct.runs", runs);
        m.put("direct.resumes", resumes);
        m.put("direct.nanosInGuest", nanosInGuest);
        m.put("direct.syscalls", syscalls);
        m.put("direct.int80", int80);
        m.put("direct.exceptions", exceptions);
        m.put("direct.interpreted", interpreted);
        m.put("direct.preemptions", preemptions);
        m.put("direct.stubDeaths", stubDeaths);
        m.put("direct.stubSpawns", stubSpawns);
        m.put("direct.faultsMapped", faultsMapped);
        m.put("direct.faultsForeseen", faultsForeseen);
        m.put("direct.faultsDirty", faultsDirty);
        m.put("direct.faultsForGuest", faultsForGuest);
        m.put("direct.faultsNotMemory", faultsNotMemory);
        m.put("direct.maps", maps);
        m.put("direct.unmaps", unmaps);
        m.put("direct.protects", protects);
        m.put("direct.pagesMapped", pagesMapped);
        m.put("direct.revalidations", revalidations);
        m.put("direct.pagesRevalidated", pagesRevalidated);
        m.put("direct.pagesDropped", pagesDropped);
        m.put("direct.evictions", evictions);
        m.put("direct.regionsUnchanged", regionsUnchanged);
        m.put("direct.revalidationsSpared", revalidationsSpared);
        m.put("direct.cpuidPages", cpuidPages);
        m.put("direct.cpuidVisits", cpuidVisits);
        m.put("direct.cpuidTraps", cpuidTraps);
        return m;
    }

    @Override
    public String toString() {
        return asMap().toString();
    }
}
