/** Measures the engine beside its peers on the same work: {@link dev.runinvm.bench.Bench} is the command. */
@NullMarked
package dev.runinvm.bench;

import org.jspecify.annotations.NullMarked;
