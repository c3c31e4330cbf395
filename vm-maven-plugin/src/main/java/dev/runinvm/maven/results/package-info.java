/** What test runs came to: results of tests, class by class, and the forms in which people and machines read them. */
@NullMarked
package dev.runinvm.maven.results;

import org.jspecify.annotations.NullMarked;
