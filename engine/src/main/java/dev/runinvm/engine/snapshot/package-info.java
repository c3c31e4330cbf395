/** Guests on disk: the file a guest's state is kept in, and the folder of those files. */
@NullMarked
package dev.runinvm.engine.snapshot;

import org.jspecify.annotations.NullMarked;
