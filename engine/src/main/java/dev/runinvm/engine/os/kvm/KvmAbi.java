package dev.runinvm.engine.os.kvm;

/**
 * Numbers of the kernel's interface on x86-64. A name that begins with KVM_ is the header's own; the others are offsets
 * and sizes in bytes of its structures. KvmAbiTest compares all of them with the header.
 */
final class KvmAbi {
    static final long KVM_GET_API_VERSION = 0xae00;
    static final long KVM_CREATE_VM = 0xae01;
    static final long KVM_CHECK_EXTENSION = 0xae03;
    static final long KVM_GET_VCPU_MMAP_SIZE = 0xae04;
    static final long KVM_GET_MSR_INDEX_LIST = 0xc004_ae02L;
    static final long KVM_GET_SUPPORTED_CPUID = 0xc008_ae05L;
    static final long KVM_SET_USER_MEMORY_REGION = 0x4020_ae46L;
    static final long KVM_CREATE_VCPU = 0xae41;
    static final long KVM_SET_TSS_ADDR = 0xae47;
    static final long KVM_SET_IDENTITY_MAP_ADDR = 0x4008_ae48L;
    static final long KVM_CREATE_IRQCHIP = 0xae60;
    static final long KVM_IRQ_LINE = 0x4008_ae61L;
    static final long KVM_GET_IRQCHIP = 0xc208_ae62L;
    static final long KVM_SET_IRQCHIP = 0x8208_ae63L;
    static final long KVM_CREATE_PIT2 = 0x4040_ae77L;
    static final long KVM_GET_PIT2 = 0x8070_ae9fL;
    static final long KVM_SET_PIT2 = 0x4070_aea0L;
    static final long KVM_GET_CLOCK = 0x8030_ae7cL;
    static final long KVM_SET_CLOCK = 0x4030_ae7bL;
    static final long KVM_REINJECT_CONTROL = 0xae71;
    static final long KVM_RUN = 0xae80;
    static final long KVM_GET_REGS = 0x8090_ae81L;
    static final long KVM_SET_REGS = 0x4090_ae82L;
    static final long KVM_GET_SREGS = 0x8138_ae83L;
    static final long KVM_SET_SREGS = 0x4138_ae84L;
    static final long KVM_SET_CPUID2 = 0x4008_ae90L;
    static final long KVM_GET_MSRS = 0xc008_ae88L;
    static final long KVM_SET_MSRS = 0x4008_ae89L;
    static final long KVM_SET_SIGNAL_MASK = 0x4004_ae8bL;
    static final long KVM_GET_LAPIC = 0x8400_ae8eL;
    static final long KVM_SET_LAPIC = 0x4400_ae8fL;
    static final long KVM_GET_MP_STATE = 0x8004_ae98L;
    static final long KVM_SET_MP_STATE = 0x4004_ae99L;
    static final long KVM_GET_VCPU_EVENTS = 0x8040_ae9fL;
    static final long KVM_SET_VCPU_EVENTS = 0x4040_aea0L;
    static final long KVM_GET_DEBUGREGS = 0x8080_aea1L;
    static final long KVM_SET_DEBUGREGS = 0x4080_aea2L;
    static final long KVM_GET_XSAVE = 0x9000_aea4L;
    static final long KVM_SET_XSAVE = 0x5000_aea5L;
    static final long KVM_GET_XSAVE2 = 0x9000_aecfL;
    static final long KVM_GET_XCRS = 0x8188_aea6L;
    static final long KVM_SET_XCRS = 0x4188_aea7L;
    static final long KVM_GET_TSC_KHZ = 0xaea3;

    static final int KVM_API_VERSION = 12;
    static final int KVM_PIT_SPEAKER_DUMMY = 1;

    static final int KVM_EXIT_UNKNOWN = 0;
    static final int KVM_EXIT_EXCEPTION = 1;
    static final int KVM_EXIT_IO = 2;
    static final int KVM_EXIT_DEBUG = 4;
    static final int KVM_EXIT_HLT = 5;
    static final int KVM_EXIT_MMIO = 6;
    static final int KVM_EXIT_IRQ_WINDOW_OPEN = 7;
    static final int KVM_EXIT_SHUTDOWN = 8;
    static final int KVM_EXIT_FAIL_ENTRY = 9;
    static final int KVM_EXIT_INTR = 10;
    static final int KVM_EXIT_INTERNAL_ERROR = 17;
    static final int KVM_EXIT_SYSTEM_EVENT = 24;

    static final int KVM_MP_STATE_RUNNABLE = 0;
    static final int KVM_MP_STATE_UNINITIALIZED = 1;
    static final int KVM_MP_STATE_INIT_RECEIVED = 2;
    static final int KVM_MP_STATE_HALTED = 3;
    static final int KVM_MP_STATE_SIPI_RECEIVED = 4;

    static final int REGS_SIZE = 144;
    static final int REGS_RIP = 128;
    static final int REGS_RFLAGS = 136;

    static final int SREGS_SIZE = 312;
    static final int SREGS_TR = 144;
    static final int SREGS_LDT = 168;
    static final int SREGS_GDT = 192;
    static final int SREGS_IDT = 208;
    static final int SREGS_CR0 = 224;
    static final int SREGS_CR2 = 232;
    static final int SREGS_CR3 = 240;
    static final int SREGS_CR4 = 248;
    static final int SREGS_CR8 = 256;
    static final int SREGS_EFER = 264;
    static final int SREGS_APIC_BASE = 272;
    static final int SEGMENT_SIZE = 24;
    static final int SEGMENT_LIMIT = 8;
    static final int SEGMENT_SELECTOR = 12;
    static final int SEGMENT_TYPE = 14;
    static final int SEGMENT_PRESENT = 15;
    static final int SEGMENT_DPL = 16;
    static final int SEGMENT_DB = 17;
    static final int SEGMENT_S = 18;
    static final int SEGMENT_L = 19;
    static final int SEGMENT_G = 20;
    static final int SEGMENT_AVL = 21;
    static final int SEGMENT_UNUSABLE = 22;
    static final int DTABLE_LIMIT = 8;

    static final int RUN_IMMEDIATE_EXIT = 1;
    static final int RUN_EXIT_REASON = 8;
    static final int RUN_IO_DIRECTION = 32;
    static final int RUN_IO_SIZE = 33;
    static final int RUN_IO_PORT = 34;
    static final int RUN_IO_COUNT = 36;
    static final int RUN_IO_DATA_OFFSET = 40;
    static final int RUN_MMIO_ADDRESS = 32;
    static final int RUN_MMIO_DATA = 40;
    static final int RUN_MMIO_LENGTH = 48;
    static final int RUN_MMIO_IS_WRITE = 52;
    static final int RUN_FAIL_REASON = 32;
    static final int RUN_INTERNAL_SUBERROR = 32;
    static final int RUN_INTERNAL_COUNT = 36;
    static final int RUN_INTERNAL_DATA = 40;
    static final int RUN_SYSTEM_EVENT_TYPE = 32;
    static final int RUN_UNKNOWN_REASON = 32;

    static final int MEMORY_REGION_SIZE = 32;
    static final int MEMORY_REGION_GUEST_ADDRESS = 8;
    static final int MEMORY_REGION_BYTES = 16;
    static final int MEMORY_REGION_USER_ADDRESS = 24;
    static final int CPUID_HEADER = 8;
    static final int CPUID_ENTRY_SIZE = 40;
    static final int CPUID_ENTRY_EAX = 12;
    static final int MSRS_HEADER = 8;
    static final int MSR_ENTRY_SIZE = 16;
    static final int MSR_ENTRY_DATA = 8;
    static final int IRQ_LEVEL_SIZE = 8;
    static final int IRQ_LEVEL_LEVEL = 4;
    static final int MSR_LIST_HEADER = 4;
    static final int IRQCHIP_SIZE = 520;
    static final int IRQCHIP_CHIP = 8;
    static final int PIT_CONFIG_SIZE = 64;
    static final int PIT_STATE_SIZE = 112;
    static final int CLOCK_SIZE = 48;
    static final int LAPIC_SIZE = 1024;
    static final int MP_STATE_SIZE = 4;
    static final int EVENTS_SIZE = 64;
    static final int DEBUGREGS_SIZE = 128;
    static final int XSAVE_SIZE = 4096;
    static final int XCRS_SIZE = 392;
    static final int REINJECT_SIZE = 32;
    static final int SIGNAL_MASK_HEADER = 4;

    private KvmAbi() {}
}
