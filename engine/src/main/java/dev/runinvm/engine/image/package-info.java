/** Where the kernel and the guest's file system come from. */
@NullMarked
package dev.runinvm.engine.image;

import org.jspecify.annotations.NullMarked;
