/**
 * The kernel's virtual machines (Linux' Documentation/virt/kvm/api.rst) as handles that close themselves: system, machine,
 * processor.
 */
@NullMarked
package dev.runinvm.engine.os.kvm;

import org.jspecify.annotations.NullMarked;
