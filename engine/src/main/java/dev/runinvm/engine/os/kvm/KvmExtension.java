package dev.runinvm.engine.os.kvm;

/** What a kernel's KVM may or may not have (KVM_CHECK_EXTENSION); each constant is named as KVM_CAP_ in the header. */
public enum KvmExtension {
    IRQCHIP(0),
    USER_MEMORY(3),
    SET_TSS_ADDR(4),
    EXT_CPUID(7),
    NR_VCPUS(9),
    MP_STATE(14),
    REINJECT_CONTROL(24),
    PIT2(33),
    PIT_STATE2(35),
    SET_IDENTITY_MAP_ADDR(37),
    ADJUST_CLOCK(39),
    VCPU_EVENTS(41),
    DEBUGREGS(50),
    XSAVE(55),
    XCRS(56),
    GET_TSC_KHZ(61),
    MAX_VCPUS(66),
    TSC_DEADLINE_TIMER(72),
    IMMEDIATE_EXIT(136),
    XSAVE2(208);

    final int number;

    KvmExtension(int number) {
        this.number = number;
    }
}
