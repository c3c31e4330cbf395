package dev.runinvm.engine.para;

import dev.runinvm.engine.x86.Cpu;
import java.nio.charset.StandardCharsets;

/** xen_version(command, argument) (xen/include/public/version.h). */
final class VersionOps {
    private static final int MAJOR = 4;
    private static final int MINOR = 17;
    private static final String CAPABILITIES = "xen-3.0-x86_64 ";

    private static final int VERSION = 0;
    private static final int EXTRAVERSION = 1;
    private static final int COMPILE_INFO = 2;
    private static final int GET_CAPABILITIES = 3;
    private static final int CHANGESET = 4;
    private static final int PLATFORM_PARAMETERS = 5;
    private static final int GET_FEATURES = 6;
    private static final int PAGESIZE = 7;
    private static final int GUEST_HANDLE = 8;
    private static final int COMMANDLINE = 9;
    private static final int BUILD_ID = 10;

    /** mmu_pt_update_preserve_ad and gnttab_map_avail_bits, without which Linux panics (xen/include/public/features.h). */
    private static final int FEATURES = 1 << 5 | 1 << 7;

    private VersionOps() {}

    static void register(Hypercalls calls) {
        calls.register(Hypercalls.XEN_VERSION, "xen_version", VersionOps::xenVersion);
    }

    private static long xenVersion(Cpu cpu, long[] a) {
        long at = a[1];
        switch ((int) a[0]) {
            case VERSION -> {
                return MAJOR << 16 | MINOR;
            }
            case EXTRAVERSION -> text(cpu, at, ".0-runinvm", 16);
            case COMPILE_INFO -> {
                text(cpu, at, "javac", 64);
                text(cpu, at + 64, "", 16);
                text(cpu, at + 80, "", 32);
                text(cpu, at + 112, "", 32);
            }
            case GET_CAPABILITIES -> text(cpu, at, CAPABILITIES, 1024);
            case CHANGESET -> text(cpu, at, "unavailable", 64);
            case PLATFORM_PARAMETERS -> cpu.mmu.write64(at, ReservedSlots.MACHINE_TO_PHYS);
            case GET_FEATURES -> {
                boolean first = cpu.mmu.read32(at) == 0;
                cpu.mmu.write32(at + 4, first ? FEATURES : 0);
            }
            case PAGESIZE -> {
                return 4096;
            }
            case GUEST_HANDLE -> cpu.mmu.write(at, new byte[16], 0, 16);
            case COMMANDLINE -> text(cpu, at, "", 1024);
            case BUILD_ID -> throw new XenError(XenError.ENODATA);
            default -> throw XenError.notImplemented();
        }
        return 0;
    }

    private static void text(Cpu cpu, long at, String text, int size) {
        byte[] bytes = java.util.Arrays.copyOf(text.getBytes(StandardCharsets.US_ASCII), size);
        cpu.mmu.write(at, bytes, 0, size);
    }
}
