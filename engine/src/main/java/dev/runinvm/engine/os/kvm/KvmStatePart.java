package dev.runinvm.engine.os.kvm;

/**
 * What a processor's state consists of beside its model-specific registers, each part a structure of the kernel's that is
 * kept as it is. In the order in which they are set: each may depend on those before it (Linux, Documentation/virt/kvm/api.rst).
 */
public enum KvmStatePart {
    /** With the local APIC's address, and the interrupt that is being delivered. */
    SYSTEM_REGISTERS(KvmAbi.KVM_GET_SREGS, KvmAbi.KVM_SET_SREGS, KvmAbi.SREGS_SIZE),
    REGISTERS(KvmAbi.KVM_GET_REGS, KvmAbi.KVM_SET_REGS, KvmAbi.REGS_SIZE),
    /** Only where the processor has XSAVE. */
    EXTENDED_CONTROL(KvmAbi.KVM_GET_XCRS, KvmAbi.KVM_SET_XCRS, KvmAbi.XCRS_SIZE),
    /** x87, SSE and AVX registers; its size is the processor's. */
    EXTENDED(KvmAbi.KVM_GET_XSAVE, KvmAbi.KVM_SET_XSAVE, KvmAbi.XSAVE_SIZE),
    DEBUG_REGISTERS(KvmAbi.KVM_GET_DEBUGREGS, KvmAbi.KVM_SET_DEBUGREGS, KvmAbi.DEBUGREGS_SIZE),
    LOCAL_APIC(KvmAbi.KVM_GET_LAPIC, KvmAbi.KVM_SET_LAPIC, KvmAbi.LAPIC_SIZE),
    /** Exceptions, interrupts and NMIs on their way; setting registers discards them. */
    EVENTS(KvmAbi.KVM_GET_VCPU_EVENTS, KvmAbi.KVM_SET_VCPU_EVENTS, KvmAbi.EVENTS_SIZE),
    /** Running, halted, or waiting to be started. */
    ACTIVITY(KvmAbi.KVM_GET_MP_STATE, KvmAbi.KVM_SET_MP_STATE, KvmAbi.MP_STATE_SIZE);

    final long get;
    final long set;
    final int size;

    KvmStatePart(long get, long set, int size) {
        this.get = get;
        this.set = set;
        this.size = size;
    }
}
