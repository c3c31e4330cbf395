/** The border between the agent and the part of it that lives in the tests' class loader: JDK types only. */
@NullMarked
package dev.runinvm.agent.spi;

import org.jspecify.annotations.NullMarked;
