/** The engine's public face: techniques, virtual machines and what can go wrong with them. */
@NullMarked
package dev.runinvm.engine;

import org.jspecify.annotations.NullMarked;
