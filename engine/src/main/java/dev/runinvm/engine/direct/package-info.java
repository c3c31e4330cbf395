/** The jailed processes in which guest code runs on the real CPU, and the mirrors of guest address spaces. */
@NullMarked
package dev.runinvm.engine.direct;

import org.jspecify.annotations.NullMarked;
