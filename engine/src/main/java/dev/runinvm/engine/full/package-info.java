/** Technique FULL: an unmodified kernel on simulated hardware. */
@NullMarked
package dev.runinvm.engine.full;

import org.jspecify.annotations.NullMarked;
