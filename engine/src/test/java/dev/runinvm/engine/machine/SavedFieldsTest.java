package dev.runinvm.engine.machine;

import java.io.ByteArrayInputStream;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** No part of a PC forgets a field when it is saved: every field there is, changed, must change what is saved. */
class SavedFieldsTest {
    /** What is not the guest's to see, or set up when the machine is built. */
    private static final Set<String> NOT_STATE = Set.of(
            // who asks for attention does so again after a load
            "PcDevices.attention",
            // follows from the chips' registers
            "Pic8259.intr",
            // the host's: what it has offered and the guest has not taken
            "Uart16550.inputWaiting",
            "Uart16550.inputTaken",
            // set when the function is built; BARs do not move
            "PciFunction.writable",
            "PciFunction.barBase",
            "PciFunction.barSize");

    private static final Set<Class<?>> NOT_WALKED =
            Set.of(GuestMemory.class, PortBus.class, MmioBus.class, ExitCounters.class, FakeTime.class);

    private static Pc pc(FakeTime time, GuestMemory memory) {
        return new Pc(memory, new PortBus(), new MmioBus(), time, new DoorbellHandler() {
            @Override
            public void flush() {}

            @Override
            public void await(long millis) {}

            @Override
            public void goodbye() {}
        });
    }

    @Test
    void everyFieldOfEveryPartIsSavedAndComesBack() throws Exception {
        FakeTime time = new FakeTime();
        try (GuestMemory memory = GuestMemory.create(1 << 20);
                GuestMemory other = GuestMemory.create(1 << 20)) {
            SavedFields fields = new SavedFields(pc(time, memory), NOT_STATE, NOT_WALKED);
            assertTrue(
                    fields.count() >= 140,
                    "only " + fields.count() + " fields found: the test looks in the wrong place");
            assertEquals(List.of(), fields.forgotten(() -> pc(time, other)), "fields that are not saved");
        }
    }

    /** The test itself: a part that leaves a field out is caught. */
    @Test
    void aForgottenFieldIsFound() throws Exception {
        class Forgetful implements Stateful {
            int kept = 1;
            int forgotten = 2;

            @Override
            public void save(StateWriter out) {
                out.putInt("kept", kept);
            }

            @Override
            public void load(StateReader in) {
                kept = in.getInt("kept");
            }
        }
        Forgetful part = new Forgetful();
        byte[] before = SavedFields.save(part);
        part.forgotten++;
        assertArrayEquals(before, SavedFields.save(part));
        part.kept++;
        assertFalse(Arrays.equals(before, SavedFields.save(part)));
        part.load(new StateReader(new ByteArrayInputStream(before)));
        assertEquals(1, part.kept);
        assertEquals(
                List.of("Forgetful.forgotten"), new SavedFields(part, Set.of(), Set.of()).forgotten(Forgetful::new));
    }
}
