/** What every technique keeps about its guest: console, control stream, how it ended. */
@NullMarked
package dev.runinvm.engine.guest;

import org.jspecify.annotations.NullMarked;
