/**
 * The host's side of a guest that has an agent, for all who run tests in guests: shipping the class path, messages, words
 * for how a guest ended. Knows the wire format and the engine's facade, and neither JUnit nor Maven.
 */
@NullMarked
package dev.runinvm.client;

import org.jspecify.annotations.NullMarked;
