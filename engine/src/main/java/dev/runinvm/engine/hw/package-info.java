/** Technique HW: the CPU's own virtualization, VT-x or AMD-V, through the kernel's KVM. */
@NullMarked
package dev.runinvm.engine.hw;

import org.jspecify.annotations.NullMarked;
