/** Bindings to the host's operating system; nothing else uses JNA. */
@NullMarked
package dev.runinvm.engine.os;

import org.jspecify.annotations.NullMarked;
