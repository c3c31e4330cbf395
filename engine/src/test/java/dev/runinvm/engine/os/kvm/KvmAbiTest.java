package dev.runinvm.engine.os.kvm;

import java.io.IOException;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Every number of {@link KvmAbi} is that of this machine's linux/kvm.h; a program in C prints them. */
class KvmAbiTest {
    private static final Path HEADER = Path.of("/usr/include/linux/kvm.h");
    /** What is no macro, in C. */
    private static final Map<String, String> IN_C = Map.ofEntries(
            Map.entry("REGS_SIZE", "sizeof(struct kvm_regs)"),
            Map.entry("REGS_RIP", "offsetof(struct kvm_regs, rip)"),
            Map.entry("REGS_RFLAGS", "offsetof(struct kvm_regs, rflags)"),
            Map.entry("SREGS_SIZE", "sizeof(struct kvm_sregs)"),
            Map.entry("SREGS_TR", "offsetof(struct kvm_sregs, tr)"),
            Map.entry("SREGS_LDT", "offsetof(struct kvm_sregs, ldt)"),
            Map.entry("SREGS_GDT", "offsetof(struct kvm_sregs, gdt)"),
            Map.entry("SREGS_IDT", "offsetof(struct kvm_sregs, idt)"),
            Map.entry("SREGS_CR0", "offsetof(struct kvm_sregs, cr0)"),
            Map.entry("SREGS_CR2", "offsetof(struct kvm_sregs, cr2)"),
            Map.entry("SREGS_CR3", "offsetof(struct kvm_sregs, cr3)"),
            Map.entry("SREGS_CR4", "offsetof(struct kvm_sregs, cr4)"),
            Map.entry("SREGS_CR8", "offsetof(struct kvm_sregs, cr8)"),
            Map.entry("SREGS_EFER", "offsetof(struct kvm_sregs, efer)"),
            Map.entry("SREGS_APIC_BASE", "offsetof(struct kvm_sregs, apic_base)"),
            Map.entry("SEGMENT_SIZE", "sizeof(struct kvm_segment)"),
            Map.entry("SEGMENT_LIMIT", "offsetof(struct kvm_segment, limit)"),
            Map.entry("SEGMENT_SELECTOR", "offsetof(struct kvm_segment, selector)"),
            Map.entry("SEGMENT_TYPE", "offsetof(struct kvm_segment, type)"),
            Map.entry("SEGMENT_PRESENT", "offsetof(struct kvm_segment, present)"),
            Map.entry("SEGMENT_DPL", "offsetof(struct kvm_segment, dpl)"),
            Map.entry("SEGMENT_DB", "offsetof(struct kvm_segment, db)"),
            Map.entry("SEGMENT_S", "offsetof(struct kvm_segment, s)"),
            Map.entry("SEGMENT_L", "offsetof(struct kvm_segment, l)"),
            Map.entry("SEGMENT_G", "offsetof(struct kvm_segment, g)"),
            Map.entry("SEGMENT_AVL", "offsetof(struct kvm_segment, avl)"),
            Map.entry("SEGMENT_UNUSABLE", "offsetof(struct kvm_segment, unusable)"),
            Map.entry("DTABLE_LIMIT", "offsetof(struct kvm_dtable, limit)"),
            Map.entry("RUN_IMMEDIATE_EXIT", "offsetof(struct kvm_run, immediate_exit)"),
            Map.entry("RUN_EXIT_REASON", "offsetof(struct kvm_run, exit_reason)"),
            Map.entry("RUN_IO_DIRECTION", "offsetof(struct kvm_run, io.direction)"),
            Map.entry("RUN_IO_SIZE", "offsetof(struct kvm_run, io.size)"),
            Map.entry("RUN_IO_PORT", "offsetof(struct kvm_run, io.port)"),
            Map.entry("RUN_IO_COUNT", "offsetof(struct kvm_run, io.count)"),
            Map.entry("RUN_IO_DATA_OFFSET", "offsetof(struct kvm_run, io.data_offset)"),
            Map.entry("RUN_MMIO_ADDRESS", "offsetof(struct kvm_run, mmio.phys_addr)"),
            Map.entry("RUN_MMIO_DATA", "offsetof(struct kvm_run, mmio.data)"),
            Map.entry("RUN_MMIO_LENGTH", "offsetof(struct kvm_run, mmio.len)"),
            Map.entry("RUN_MMIO_IS_WRITE", "offsetof(struct kvm_run, mmio.is_write)"),
            Map.entry("RUN_FAIL_REASON", "offsetof(struct kvm_run, fail_entry.hardware_entry_failure_reason)"),
            Map.entry("RUN_INTERNAL_SUBERROR", "offsetof(struct kvm_run, internal.suberror)"),
            Map.entry("RUN_INTERNAL_COUNT", "offsetof(struct kvm_run, internal.ndata)"),
            Map.entry("RUN_INTERNAL_DATA", "offsetof(struct kvm_run, internal.data)"),
            Map.entry("RUN_SYSTEM_EVENT_TYPE", "offsetof(struct kvm_run, system_event.type)"),
            Map.entry("RUN_UNKNOWN_REASON", "offsetof(struct kvm_run, hw.hardware_exit_reason)"),
            Map.entry("MEMORY_REGION_SIZE", "sizeof(struct kvm_userspace_memory_region)"),
            Map.entry("MEMORY_REGION_GUEST_ADDRESS", "offsetof(struct kvm_userspace_memory_region, guest_phys_addr)"),
            Map.entry("MEMORY_REGION_BYTES", "offsetof(struct kvm_userspace_memory_region, memory_size)"),
            Map.entry("MEMORY_REGION_USER_ADDRESS", "offsetof(struct kvm_userspace_memory_region, userspace_addr)"),
            Map.entry("CPUID_HEADER", "sizeof(struct kvm_cpuid2)"),
            Map.entry("CPUID_ENTRY_SIZE", "sizeof(struct kvm_cpuid_entry2)"),
            Map.entry("CPUID_ENTRY_EAX", "offsetof(struct kvm_cpuid_entry2, eax)"),
            Map.entry("MSRS_HEADER", "sizeof(struct kvm_msrs)"),
            Map.entry("MSR_ENTRY_SIZE", "sizeof(struct kvm_msr_entry)"),
            Map.entry("MSR_ENTRY_DATA", "offsetof(struct kvm_msr_entry, data)"),
            Map.entry("IRQ_LEVEL_SIZE", "sizeof(struct kvm_irq_level)"),
            Map.entry("IRQ_LEVEL_LEVEL", "offsetof(struct kvm_irq_level, level)"),
            Map.entry("MSR_LIST_HEADER", "offsetof(struct kvm_msr_list, indices)"),
            Map.entry("IRQCHIP_SIZE", "sizeof(struct kvm_irqchip)"),
            Map.entry("IRQCHIP_CHIP", "offsetof(struct kvm_irqchip, chip)"),
            Map.entry("PIT_CONFIG_SIZE", "sizeof(struct kvm_pit_config)"),
            Map.entry("PIT_STATE_SIZE", "sizeof(struct kvm_pit_state2)"),
            Map.entry("CLOCK_SIZE", "sizeof(struct kvm_clock_data)"),
            Map.entry("LAPIC_SIZE", "sizeof(struct kvm_lapic_state)"),
            Map.entry("MP_STATE_SIZE", "sizeof(struct kvm_mp_state)"),
            Map.entry("EVENTS_SIZE", "sizeof(struct kvm_vcpu_events)"),
            Map.entry("DEBUGREGS_SIZE", "sizeof(struct kvm_debugregs)"),
            Map.entry("XSAVE_SIZE", "sizeof(struct kvm_xsave)"),
            Map.entry("XCRS_SIZE", "sizeof(struct kvm_xcrs)"),
            Map.entry("REINJECT_SIZE", "sizeof(struct kvm_reinject_control)"),
            Map.entry("SIGNAL_MASK_HEADER", "sizeof(struct kvm_signal_mask)"));

    @TempDir
    Path folder;

    @Test
    void everyNumberIsTheHeaders() throws Exception {
        Assumptions.assumeTrue(Files.exists(HEADER), HEADER + " is absent: install linux-libc-dev");
        Map<String, Long> ours = new TreeMap<>();
        Map<String, String> expressions = new LinkedHashMap<>();
        for (Field field : KvmAbi.class.getDeclaredFields()) {
            if (Modifier.isStatic(field.getModifiers()) && !field.isSynthetic()) {
                ours.put(field.getName(), ((Number) field.get(null)).longValue());
                String name = field.getName();
                String c = name.startsWith("KVM_") ? name : IN_C.get(name);
                assertTrue(c != null, name + " is compared with nothing");
                expressions.put(name, c);
            }
        }
        for (KvmExtension extension : KvmExtension.values()) {
            ours.put("KVM_CAP_" + extension, (long) extension.number);
            expressions.put("KVM_CAP_" + extension, "KVM_CAP_" + extension);
        }
        assertTrue(ours.size() > 100, ours.size() + " numbers");
        assertEquals(ours, theirs(expressions));
    }

    private Map<String, Long> theirs(Map<String, String> expressions) throws IOException, InterruptedException {
        StringBuilder source = new StringBuilder("#include <stdio.h>\n#include <stddef.h>\n#include <linux/kvm.h>\n");
        source.append("int main(void) {\n");
        expressions.forEach((name, c) -> source.append("printf(\"")
                .append(name)
                .append(" %lu\\n\", (unsigned long) (")
                .append(c)
                .append("));\n"));
        Path file = folder.resolve("abi.c");
        Files.writeString(file, source.append("}\n"));
        Map<String, Long> numbers = new TreeMap<>();
        run("cc", "-o", folder.resolve("abi").toString(), file.toString());
        for (String line : run(folder.resolve("abi").toString()).split("\n")) {
            String[] words = line.split(" ");
            numbers.put(words[0], Long.parseLong(words[1]));
        }
        return numbers;
    }

    private static String run(String... command) throws InterruptedException {
        try {
            Process process =
                    new ProcessBuilder(command).redirectErrorStream(true).start();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertTrue(process.waitFor(60, TimeUnit.SECONDS), "still running: " + command[0]);
            assertEquals(0, process.exitValue(), output);
            return output;
        } catch (IOException e) {
            return Assumptions.abort("no C compiler: " + e.getMessage());
        }
    }
}
