/** Running test classes in guests: which, with what class path, in how many guests. */
@NullMarked
package dev.runinvm.maven.run;

import org.jspecify.annotations.NullMarked;
