/** What a guest rehearses with; put on the class path of tests as a user's classes are. */
@NullMarked
package dev.runinvm.agent.rehearsal;

import org.jspecify.annotations.NullMarked;
