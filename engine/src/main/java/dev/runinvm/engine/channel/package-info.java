/** The hypercall channel's host side. */
@NullMarked
package dev.runinvm.engine.channel;

import org.jspecify.annotations.NullMarked;
