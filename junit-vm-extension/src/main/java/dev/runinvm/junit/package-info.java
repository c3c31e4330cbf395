/** {@link dev.runinvm.junit.RunInVM}, and the JUnit extension behind it. */
@NullMarked
package dev.runinvm.junit;

import org.jspecify.annotations.NullMarked;
