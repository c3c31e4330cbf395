package dev.runinvm.engine.os.kvm;

/** Why a processor left its guest. */
public enum KvmExit {
    /** IN or OUT, once or repeated. */
    IO(KvmAbi.KVM_EXIT_IO),
    /** An access outside memory. */
    MMIO(KvmAbi.KVM_EXIT_MMIO),
    /** HLT, in a machine without interrupt controllers of KVM's. */
    HLT(KvmAbi.KVM_EXIT_HLT),
    /** A triple fault. */
    SHUTDOWN(KvmAbi.KVM_EXIT_SHUTDOWN),
    /** The CPU refused to enter the guest: its state is none that a processor can be in. */
    FAIL_ENTRY(KvmAbi.KVM_EXIT_FAIL_ENTRY),
    /** {@link KvmVcpu#kick}, or a signal to this thread. */
    INTR(KvmAbi.KVM_EXIT_INTR),
    /** KVM cannot go on, most often at an instruction it cannot emulate. */
    INTERNAL_ERROR(KvmAbi.KVM_EXIT_INTERNAL_ERROR),
    /** The guest asked for a shutdown, a reset or said that it crashed, by a paravirtual interface. */
    SYSTEM_EVENT(KvmAbi.KVM_EXIT_SYSTEM_EVENT),
    EXCEPTION(KvmAbi.KVM_EXIT_EXCEPTION),
    DEBUG(KvmAbi.KVM_EXIT_DEBUG),
    IRQ_WINDOW_OPEN(KvmAbi.KVM_EXIT_IRQ_WINDOW_OPEN),
    /** The hardware's reason is none that KVM knows. */
    UNKNOWN(KvmAbi.KVM_EXIT_UNKNOWN),
    /** A reason that is not in this list. */
    OTHER(-1);

    private static final KvmExit[] BY_NUMBER = new KvmExit[32];

    static {
        for (KvmExit exit : values()) {
            if (exit.number >= 0) {
                BY_NUMBER[exit.number] = exit;
            }
        }
    }

    private final int number;

    KvmExit(int number) {
        this.number = number;
    }

    static KvmExit of(int number) {
        KvmExit known = number >= 0 && number < BY_NUMBER.length ? BY_NUMBER[number] : null;
        return known == null ? OTHER : known;
    }
}
