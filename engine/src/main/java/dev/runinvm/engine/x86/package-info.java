/** The CPU's reference semantics: registers, decoder, interpreter, page-table walker, exceptions. */
@NullMarked
package dev.runinvm.engine.x86;

import org.jspecify.annotations.NullMarked;
