package dev.runinvm.engine.para;

import dev.runinvm.engine.GuestEnd;
import dev.runinvm.engine.Technique;
import dev.runinvm.engine.Techniques;
import dev.runinvm.engine.Vm;
import dev.runinvm.engine.VmConfig;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Root in a guest makes hypercalls at random, by a program (fuzz.s) and /dev/xen/privcmd. It may ruin its own kernel, and
 * nothing else: the host's side goes on, and the next guest works.
 */
@Timeout(300)
class PrivcmdIT {
    /** Calls that pull the floor from under the guest's kernel or its way to tell of it, nearly whatever they are given. */
    private static final long RUINOUS = bit(Hypercalls.SET_TRAP_TABLE)
            | bit(Hypercalls.MMU_UPDATE)
            | bit(Hypercalls.STACK_SWITCH)
            | bit(Hypercalls.FPU_TASKSWITCH)
            | bit(Hypercalls.SET_DEBUGREG)
            | bit(Hypercalls.UPDATE_VA_MAPPING)
            | bit(Hypercalls.MULTICALL)
            | bit(Hypercalls.SET_TIMER_OP)
            | bit(Hypercalls.VCPU_OP)
            | bit(Hypercalls.IRET)
            | bit(Hypercalls.SET_SEGMENT_BASE)
            | bit(Hypercalls.MMUEXT_OP)
            | bit(Hypercalls.SCHED_OP)
            | bit(Hypercalls.CALLBACK_OP)
            | bit(Hypercalls.EVENT_CHANNEL_OP);

    /** How long a guest may ruin itself, hang or go round in circles before it is ended. */
    private static final Duration PATIENCE = Duration.ofSeconds(15);

    @TempDir
    Path folder;

    private Path program = Path.of("");

    private static long bit(int number) {
        return 1L << number;
    }

    @BeforeEach
    void writeProgram() throws IOException {
        try (InputStream in = Objects.requireNonNull(PrivcmdIT.class.getResourceAsStream("fuzz.hex"))) {
            String hex = new String(in.readAllBytes(), StandardCharsets.US_ASCII).replaceAll("\\s", "");
            program = Files.write(
                    folder.resolve("fuzz"), Arrays.copyOf(HexFormat.of().parseHex(hex), 512));
        }
    }

    private VmConfig config(int seed, int times, long numbers) {
        return VmConfig.of(Technique.PARA)
                .memory(256L << 20)
                .disk(program, true)
                .command(
                        "modprobe xen-privcmd unrestricted=1 && cp /dev/xvda /tmp/fuzz && chmod +x /tmp/fuzz || exit 9;"
                                + " echo at work; /tmp/fuzz " + seed + " " + times + " "
                                + Long.toUnsignedString(numbers)
                                + " | sed 's/^/succeeded: /'; echo done; exit 5");
    }

    private static String text(Vm vm) {
        return String.join("\n", vm.console().tail(100));
    }

    @Test
    void aHundredThousandCallsOfEveryNumberThatLeavesTheKernelStanding() throws Exception {
        int times = 100_000;
        try (Vm vm = Techniques.start(config(1, times, ~RUINOUS))) {
            assertTrue(vm.awaitEnd(Duration.ofSeconds(240)), () -> "still running; console:\n" + text(vm));
            assertEquals(GuestEnd.Kind.AGENT_EXITED, vm.end().orElseThrow().kind(), text(vm));
            assertEquals(5, vm.console().exitStatus().orElse(-1), text(vm));
            assertTrue(text(vm).contains("succeeded: "), text(vm));
            Map<String, Long> counters = vm.counters();
            // each number had a share of 1 in 49 of the calls; most have no call behind them
            assertTrue(counters.get("hypercalls.unknown") > times / 2, counters::toString);
            for (String name :
                    new String[] {"memory_op", "xen_version", "grant_table_op", "vm_assist", "update_descriptor"}) {
                assertTrue(counters.getOrDefault("hypercalls." + name, 0L) > times / 100, name + " in " + counters);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3})
    void aGuestThatRuinsItselfIsToldOfAsSuch(int seed) throws Exception {
        try (Vm vm = Techniques.start(config(seed, 1_000_000, -1))) {
            long deadline = System.nanoTime() + Duration.ofSeconds(150).toNanos();
            boolean ended = false;
            while (!ended && !text(vm).contains("at work") && System.nanoTime() < deadline) {
                ended = vm.awaitEnd(Duration.ofMillis(200));
            }
            assertTrue(text(vm).contains("at work"), text(vm));
            ended = vm.awaitEnd(PATIENCE);
            assertEquals(ended, vm.end().isPresent());
            vm.end().ifPresent(end -> assertNotEquals(GuestEnd.Kind.ENGINE_ERROR, end.kind(), end.detail()));
        }
    }
}
