/**
 * The agent: what runs in the guest's JVM. Waits for commands on the channel, runs tests with the shipped class path's own
 * JUnit, and tells the host everything that happens.
 */
@NullMarked
package dev.runinvm.agent;

import org.jspecify.annotations.NullMarked;
