package dev.runinvm.engine.x86;

/** Where RDRAND and RDSEED take their numbers from; an interface so that a run can be recorded. */
public interface RandomSource {
    /** 64 random bits. */
    long next();
}
