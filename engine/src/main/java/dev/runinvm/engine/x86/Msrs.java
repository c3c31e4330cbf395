package dev.runinvm.engine.x86;

/** Model-specific registers. */
final class Msrs {}
