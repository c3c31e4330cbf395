/** The simulated PC: guest memory, buses, interrupt controllers, timers, devices. */
@NullMarked
package dev.runinvm.engine.machine;

import org.jspecify.annotations.NullMarked;
