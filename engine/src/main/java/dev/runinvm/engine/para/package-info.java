/**
 * Technique PARA: a kernel that knows it is a guest and asks by hypercall, through Xen's PV interface
 * (xen/include/public; Debian package libxen-dev).
 */
@NullMarked
package dev.runinvm.engine.para;

import org.jspecify.annotations.NullMarked;
