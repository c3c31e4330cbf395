/** The goals of the prefix {@code vm}: thin, each over one class of the engine's facade. */
@NullMarked
package dev.runinvm.maven;

import org.jspecify.annotations.NullMarked;
