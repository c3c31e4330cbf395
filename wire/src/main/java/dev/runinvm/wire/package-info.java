/**
 * The hypercall channel's wire format: the shared window, its rings, frames and messages. Both sides of the channel are
 * built from this package; neither trusts what the other wrote.
 */
@NullMarked
package dev.runinvm.wire;

import org.jspecify.annotations.NullMarked;
