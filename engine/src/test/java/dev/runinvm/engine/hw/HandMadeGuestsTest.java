package dev.runinvm.engine.hw;

import dev.runinvm.engine.EngineBug;
import dev.runinvm.engine.guest.Stop;
import dev.runinvm.engine.os.kvm.Kvm;
import dev.runinvm.engine.x86.CpuState;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Guests of some hundred instructions on the real /dev/kvm; skipped, with the reason, where there is none. */
@Timeout(120)
class HandMadeGuestsTest {
    /** LIDT [RIP+2]; UD2; then a descriptor table register of zeroes. */
    private static final byte[] TRIPLE_FAULT = HandMadeGuest.hex("0f011d02000000 0f0b 00000000000000000000");
    /** MOV DX,3F8h; MOV AL,'!'; OUT DX,AL; JMP self. */
    private static final byte[] LOOP = HandMadeGuest.hex("66baf803 b021 ee ebfe");
    /** The same, then STI; HLT; JMP back to HLT. */
    private static final byte[] IDLE = HandMadeGuest.hex("66baf803 b021 ee fb f4 ebfd");
    /** The same, then CLI; HLT. */
    private static final byte[] DEAD = HandMadeGuest.hex("66baf803 b021 ee fa f4");
    /** MOV EAX,D0000000h; JMP RAX: to where no memory is. */
    private static final byte[] JUMP_INTO_A_HOLE = HandMadeGuest.hex("b8000000d0 ffe0");

    @BeforeEach
    void kvm() {
        HandMadeGuest.assumeKvm();
    }

    @Test
    void portsAndMemoryOfDevicesAreReadAndWrittenByEverySize() throws Exception {
        try (HandMadeGuest guest = new HandMadeGuest(HandMadeGuest.code("hw/accesses.hex")).start()) {
            Stop stop = guest.awaitStop();
            assertEquals(Stop.Kind.RESET, stop.kind(), stop + guest.console());
            assertTrue(stop.detail().contains("0xcf9"), stop.detail());
            assertEquals(
                    List.of(
                            "hello",
                            "0000000012378086",
                            "0000000000001237",
                            "0000000000000080",
                            "00000000000000ff",
                            "000000004d564952",
                            "000000014d564952",
                            "0000000000004952",
                            "0000000000000052",
                            "00000000ffffffff",
                            "ffffffffffffffff",
                            "1122334455667788",
                            "0000000000000000",
                            "0000000000000000"),
                    guest.console().lines().toList());
            assertEquals(List.of("flush", "wait 1234", "goodbye"), guest.doorbell);
            Long io = guest.counter("kvm.exits.io");
            assertNotNull(io);
            assertTrue(io > 200, "a port access is an exit: " + io);
            assertEquals(8, guest.counter("exits.mmio.channel"));
        }
    }

    @Test
    void aGuestMayBeToldOfItsHypervisor() throws Exception {
        try (HandMadeGuest guest = new HandMadeGuest(HandMadeGuest.code("hw/accesses.hex"), 1, true).start()) {
            guest.awaitStop();
            List<String> lines = guest.console().lines().toList();
            assertEquals("0000000000000001", lines.get(12));
            assertEquals("000000004b4d564b", lines.get(13), "KVMK, the first of KVM's signature");
        }
    }

    /** The guest that BareGuestTest runs in the interpreter: the same bytes do the same on any PC. */
    @Test
    void timerInterruptsAndConsoleInputWakeAHaltedProcessor() throws Exception {
        try (HandMadeGuest guest = new HandMadeGuest(HandMadeGuest.code("bare-guest.hex")).start()) {
            guest.awaitConsole("0000000012378086");
            List<String> lines = guest.console().lines().toList();
            assertEquals(List.of("up", "10 ticks", "shot"), lines.subList(0, 3));
            long cycles = Long.parseLong(lines.get(3), 16);
            double expected = guest.hardware.time().tscHz() / 100.0;
            assertTrue(cycles > expected * 0.9, cycles + " cycles of TSC in 10 ms of timer 2, expected " + expected);
            guest.hardware.board().devices().console.offer("kvm".getBytes(StandardCharsets.US_ASCII));
            guest.awaitConsole("KVM");
            guest.hardware.board().devices().console.offer(new byte[] {'!'});
            Stop stop = guest.awaitStop();
            assertEquals(Stop.Kind.RESET, stop.kind());
            assertTrue(stop.detail().contains("0x64"), stop.detail());
            assertEquals(List.of("flush"), guest.doorbell);
        }
    }

    @Test
    void aTripleFaultIsTold() throws Exception {
        try (HandMadeGuest guest = new HandMadeGuest(TRIPLE_FAULT).start()) {
            Stop stop = guest.awaitStop();
            assertEquals(Stop.Kind.TRIPLE_FAULT, stop.kind());
            assertTrue(
                    stop.detail().matches("triple fault of processor 0, at (RIP 0x100007,|registers lost).*"),
                    stop.detail());
            assertEquals(1, guest.counter("kvm.exits.shutdown"));
        }
    }

    @Test
    void anEndlessLoopIsLeft() throws Exception {
        endedFromOutside(LOOP);
    }

    @Test
    void aProcessorThatSleepsForEverIsLeft() throws Exception {
        endedFromOutside(IDLE);
    }

    private static void endedFromOutside(byte[] code) throws Exception {
        try (HandMadeGuest guest = new HandMadeGuest(code).start()) {
            guest.awaitConsole("!");
            Thread.sleep(100);
            assertFalse(guest.ending().isDone());
            guest.hardware.stop();
            assertEquals(Stop.Kind.STOPPED, guest.awaitStop().kind());
        }
    }

    @Test
    void aGuestIsStoppedBeforeItHasBegun() throws Exception {
        for (int i = 0; i < 20; i++) {
            try (HandMadeGuest guest = new HandMadeGuest(LOOP).start()) {
                guest.hardware.stop();
                assertEquals(Stop.Kind.STOPPED, guest.awaitStop().kind());
            }
        }
    }

    @Test
    void aProcessorThatNothingCanWakeEndsTheGuest() throws Exception {
        try (HandMadeGuest guest = new HandMadeGuest(DEAD).start()) {
            Stop stop = guest.awaitStop();
            assertEquals(Stop.Kind.HALTED, stop.kind());
            assertEquals("halted with interrupts off", stop.detail());
        }
    }

    /** CS for 64 and for 32 bits at once: no processor can be in that state (SDM vol. 3, 27.3.1.2; APM vol. 2, 15.5.1). */
    @Test
    void anImpossibleStateIsToldWithTheRegisters() throws Exception {
        try (HandMadeGuest guest = new HandMadeGuest(LOOP)) {
            CpuState state = guest.state();
            state.access[CpuState.CS] |= 0x4000;
            guest.hardware.setBootState(state);
            guest.start();
            EngineBug error = failure(guest);
            assertTrue(error.getMessage().contains("KVM cannot go on with processor 0"), error.getMessage());
            assertTrue(error.getMessage().contains(", CPL 0, CR0 0x80000031, "), error.getMessage());
        }
    }

    @Test
    void codeOutsideMemoryIsToldWithTheRegisters() throws Exception {
        try (HandMadeGuest guest = new HandMadeGuest(JUMP_INTO_A_HOLE).start()) {
            EngineBug error = failure(guest);
            assertTrue(error.getMessage().contains("INTERNAL_ERROR, suberror 1"), error.getMessage());
            assertTrue(error.getMessage().contains("RIP 0xd0000000"), error.getMessage());
            assertTrue(error.getMessage().contains("RAX 0xd0000000"), error.getMessage());
            assertEquals(1, guest.counter("kvm.exits.internal_error"));
        }
    }

    private static EngineBug failure(HandMadeGuest guest) {
        ExecutionException error = assertThrows(ExecutionException.class, guest::awaitStop);
        assertTrue(error.getCause() instanceof EngineBug, String.valueOf(error.getCause()));
        return (EngineBug) error.getCause();
    }

    @Test
    void otherProcessorsAreStartedByTheGuestAndEndWithIt() throws Exception {
        try (HandMadeGuest guest = new HandMadeGuest(HandMadeGuest.code("hw/processors.hex"), 3, false)) {
            guest.memory.putInt(0x3008, 2);
            guest.start();
            guest.awaitConsole("2");
            Stop stop = guest.awaitStop();
            assertEquals(Stop.Kind.HALTED, stop.kind(), "all three are halted for ever");
        }
    }

    @Test
    void processorsThatWereNeverStartedDoNotKeepAGuestAlive() throws Exception {
        try (HandMadeGuest guest = new HandMadeGuest(LOOP, 3, false).start()) {
            guest.awaitConsole("!");
            guest.hardware.stop();
            assertEquals(Stop.Kind.STOPPED, guest.awaitStop().kind());
        }
    }

    @Test
    void nothingIsLeftBehind() throws Exception {
        anEndlessLoopIsLeft();
        long before = handles();
        anEndlessLoopIsLeft();
        otherProcessorsAreStartedByTheGuestAndEndWithIt();
        assertEquals(before, handles());
        assertTrue(Files.exists(Kvm.DEVICE));
    }

    /** Descriptors of KVM's and of memory files, and mappings of KVM's. */
    private static long handles() throws Exception {
        long count = 0;
        try (var files = Files.list(Path.of("/proc/self/fd"))) {
            for (Path file : (Iterable<Path>) files::iterator) {
                try {
                    String target = Files.readSymbolicLink(file).toString();
                    count += target.contains("kvm") || target.contains("memfd") ? 1 : 0;
                } catch (NoSuchFileException e) {
                    continue; // the descriptor of this very listing
                }
            }
        }
        return count
                + Files.readAllLines(Path.of("/proc/self/maps")).stream()
                        .filter(line -> line.contains("kvm"))
                        .count();
    }
}
