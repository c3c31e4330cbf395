/** The part of the agent that is loaded in the tests' class loader and talks to the JUnit found there. */
@NullMarked
package dev.runinvm.agent.bridge;

import org.jspecify.annotations.NullMarked;
