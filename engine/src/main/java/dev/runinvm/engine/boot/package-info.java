/** Kernel image formats and boot parameters. */
@NullMarked
package dev.runinvm.engine.boot;

import org.jspecify.annotations.NullMarked;
