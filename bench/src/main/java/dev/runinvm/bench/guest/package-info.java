/** What is measured: runs in every guest, and natively, from one jar with JUnit in it. Knows nothing of the host side. */
@NullMarked
package dev.runinvm.bench.guest;

import org.jspecify.annotations.NullMarked;
