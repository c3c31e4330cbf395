package dev.runinvm.engine.hw;

import dev.runinvm.engine.machine.PcDevices;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;

/**
 * Nobody adds a field to what an HW guest is made of without having said whether a snapshot needs it. The devices themselves
 * are {@link PcDevices}, which the test of FULL's PC changes field by field; processors and KVM's devices are compared in
 * {@link HwSnapshotTest} and, by what the kernel's header offers, in KvmStateTest.
 */
class HwSavedFieldsTest {
    private static Set<String> changing(Class<?> part) {
        Set<String> names = new TreeSet<>();
        for (Field f : part.getDeclaredFields()) {
            int m = f.getModifiers();
            if (!Modifier.isStatic(m)
                    && !f.isSynthetic()
                    && (!Modifier.isFinal(m) || f.getType().isArray())) {
                names.add(f.getName());
            }
        }
        return names;
    }

    @Test
    void theBoardHasItsInterruptLines() {
        // saved; the machine's end, which no snapshot sees
        assertEquals(Set.of("levels", "closed"), changing(Board.class));
    }

    @Test
    void aProcessorOfOursHasNothingOfTheGuests() {
        assertEquals(
                new TreeSet<>(Set.of(
                        // for messages
                        "lastPort",
                        "lastAddress",
                        "lastWasPort",
                        // what others want of it
                        "stopping",
                        "lookWanted",
                        "rendezvous",
                        // what it was last seen doing, which KVM knows
                        "halted",
                        "dead")),
                changing(HwVcpu.class));
    }

    @Test
    void theMachineHasNothingBesides() {
        assertEquals(Set.of("stopping"), changing(HwHardware.class)); // whom to tell of the end
    }
}
