package dev.runinvm.engine.x86;

import dev.runinvm.engine.os.ReadOnlyFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Machines that execute the same page of one file. */
class SharedCodeTest {
    private static final int CODE = 0x30_0000;

    @TempDir
    Path directory;

    private Path file;
    private final SharedCode shared = new SharedCode();

    @BeforeEach
    void makeFile() throws Exception {
        byte[] page = new byte[4096];
        // mov eax, 1; again: add eax, 2; cmp eax, 201; jne again; hlt
        byte[] code = HexFormat.of().parseHex("b80100000083c0023dc900000075f6f4");
        System.arraycopy(code, 0, page, 0, code.length);
        file = Files.write(directory.resolve("code"), page);
    }

    private final class Guest implements AutoCloseable {
        private final TestMachine machine = new TestMachine();
        private final Interpreter interpreter;

        Guest() {
            machine.memory.give(CODE, ReadOnlyFile.open(file));
            interpreter = new Interpreter(machine.cpu);
            interpreter.cache().share(shared);
        }

        long run() {
            machine.s.halted = false;
            machine.s.rip = TestMachine.KERNEL + CODE;
            assertEquals(Interpreter.Exit.HALT, interpreter.run());
            return machine.s.gpr[CpuState.RAX];
        }

        long decoded() {
            return interpreter.cache().blocksDecoded;
        }

        @Override
        public void close() {
            machine.close();
        }
    }

    @Test
    void whatOneHasDecodedTheNextNeedNot() {
        try (Guest one = new Guest();
                Guest two = new Guest()) {
            assertEquals(201, one.run());
            assertTrue(one.decoded() > 0);
            assertEquals(201, two.run());
            assertEquals(0, two.decoded());
            // Each goes on in code of its own, whoever was first.
            assertEquals(201, one.run());
            assertEquals(201, two.run());
        }
    }

    @Test
    void aPageThatWasWrittenIsAGuestsOwn() {
        try (Guest one = new Guest();
                Guest two = new Guest()) {
            one.run();
            two.run();
            two.machine.mmu.write8(TestMachine.KERNEL + CODE + 1, 3);
            two.machine.mmu.write32(TestMachine.KERNEL + CODE + 9, 203);
            assertEquals(203, two.run());
            assertTrue(two.decoded() > 0);
            assertEquals(201, one.run());
            try (Guest three = new Guest()) {
                assertEquals(201, three.run(), "what a guest decodes of its own is not shared");
            }
        }
    }
}
