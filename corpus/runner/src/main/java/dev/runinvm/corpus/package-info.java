/** Runs tests that others wrote in a guest and natively, and compares what they come to. */
@NullMarked
package dev.runinvm.corpus;

import org.jspecify.annotations.NullMarked;
