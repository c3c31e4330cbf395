package dev.runinvm.engine.os.kvm;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Whatever state the kernel can hand over and take back is kept in snapshots, or it is said here why it need not be. */
class KvmStateTest {
    private static final Path HEADER = Path.of("/usr/include/linux/kvm.h");
    private static final Set<String> KEPT = Set.of(
            "REGS",
            "SREGS",
            "XCRS",
            "XSAVE",
            "DEBUGREGS",
            "LAPIC",
            "VCPU_EVENTS",
            "MP_STATE",
            "MSRS",
            "IRQCHIP",
            "PIT2",
            "CLOCK");
    private static final Map<String, String> NOT_KEPT = Map.of(
            "FPU", "a part of XSAVE",
            "PIT", "PIT2 without flags",
            "SREGS2", "SREGS but for the four entries of a 32-bit page table base, which KVM reads from memory again",
            "NESTED_STATE", "guests are not told of VT-x and AMD-V",
            "CPUID2", "set when the machine is made; a part of a snapshot's key",
            "TSC_KHZ", "the host's, and compared when a snapshot is restored",
            "NR_MMU_PAGES", "the host's",
            "ONE_REG", "of other architectures",
            "DEVICE_ATTR", "of devices that our machines do not have");

    @Test
    void allThereIsIsKept() throws Exception {
        Assumptions.assumeTrue(Files.exists(HEADER), HEADER + " is absent: install linux-libc-dev");
        String text = Files.readString(HEADER);
        Set<String> both = names(text, "GET");
        both.retainAll(names(text, "SET"));
        assertTrue(both.containsAll(KEPT), () -> "the test looks in the wrong place: " + both);
        both.removeAll(KEPT);
        both.removeAll(NOT_KEPT.keySet());
        assertEquals(Set.of(), both, "state that no snapshot has");
    }

    private static Set<String> names(String header, String what) {
        return Pattern.compile("(?m)^#define KVM_" + what + "_([A-Z0-9_]+)\\s+_IO")
                .matcher(header)
                .results()
                .map(m -> m.group(1))
                .collect(Collectors.toCollection(TreeSet::new));
    }

    /** KEPT, as far as it is a processor's, is what {@link KvmStatePart} has. */
    @Test
    void theKeptPartsOfAProcessorAreThese() throws Exception {
        List<Long> requests = List.of(
                KvmAbi.KVM_GET_SREGS,
                KvmAbi.KVM_GET_REGS,
                KvmAbi.KVM_GET_XCRS,
                KvmAbi.KVM_GET_XSAVE,
                KvmAbi.KVM_GET_DEBUGREGS,
                KvmAbi.KVM_GET_LAPIC,
                KvmAbi.KVM_GET_VCPU_EVENTS,
                KvmAbi.KVM_GET_MP_STATE);
        List<Long> parts =
                java.util.Arrays.stream(KvmStatePart.values()).map(p -> p.get).toList();
        assertEquals(requests, parts);
        // beside them the MSRs, and of the machine IRQCHIP, PIT2 and CLOCK
        assertEquals(KEPT.size(), parts.size() + 4);
    }
}
