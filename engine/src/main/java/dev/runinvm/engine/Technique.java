package dev.runinvm.engine;

/** The three techniques of server virtualization. */
public enum Technique {
    /** Full virtualization: plain hardware, ring 3 runs directly on the CPU, ring 0 is emulated or translated. */
    FULL,
    /** Paravirtualization: the guest's kernel knows, and executes sensitive operations by hypercall (Xen PV ABI). */
    PARA,
    /** Hardware-assisted virtualization: Intel VT-x or AMD-V, through /dev/kvm. */
    HW
}
