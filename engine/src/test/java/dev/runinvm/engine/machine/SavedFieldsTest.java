package dev.runinvm.engine.machine;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.lang.reflect.Array;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
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

    /** An object's field of primitive type, or one element of an array. */
    private record Place(Object holder, Field field, int index) {
        String name() {
            return field.getDeclaringClass().getSimpleName() + "." + field.getName();
        }

        Object get() throws IllegalAccessException {
            Object value = field.get(holder);
            return index < 0 ? value : Array.get(value, index);
        }

        void set(Object value) throws IllegalAccessException {
            if (index < 0) {
                field.set(holder, value);
            } else {
                Array.set(field.get(holder), index, value);
            }
        }
    }

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
            Pc pc = pc(time, memory);
            List<Place> places = places(pc);
            assertTrue(
                    places.size() >= 140, "only " + places.size() + " fields found: the test looks in the wrong place");
            List<String> forgotten = new ArrayList<>();
            for (Place place : places) {
                Object old = place.get();
                byte[] before = save(pc);
                boolean saved = false;
                boolean back = false;
                // A field of some bits takes some of these values only, and refuses or trims the others.
                for (int bit = 1; bit <= 16 && !back; bit <<= 1) {
                    place.set(other(old, bit));
                    byte[] changed = save(pc);
                    saved |= !Arrays.equals(before, changed);
                    byte[] once = reloaded(time, other, changed);
                    back = saved
                            && !Arrays.equals(before, once)
                            && once.length > 0
                            && Arrays.equals(once, reloaded(time, other, once));
                }
                place.set(old);
                if (!back) {
                    forgotten.add(place.name() + (saved ? " does not come back" : ""));
                }
            }
            assertEquals(List.of(), forgotten.stream().distinct().toList(), "fields that are not saved");
        }
    }

    private static byte[] reloaded(FakeTime time, GuestMemory memory, byte[] saved) {
        Pc loaded = pc(time, memory);
        try {
            loaded.load(new StateReader(new ByteArrayInputStream(saved)));
        } catch (dev.runinvm.engine.HostLacks e) {
            return new byte[0]; // the value is impossible for this field
        }
        return save(loaded);
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
        byte[] before = save(part);
        part.forgotten++;
        assertArrayEquals(before, save(part));
        part.kept++;
        assertFalse(Arrays.equals(before, save(part)));
        part.load(new StateReader(new ByteArrayInputStream(before)));
        assertEquals(1, part.kept);
    }

    private static byte[] save(Stateful part) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        part.save(new StateWriter(out));
        return out.toByteArray();
    }

    private static Object other(Object value, int bit) {
        if (value instanceof Boolean b) {
            return !b;
        }
        if (value instanceof Integer i) {
            return i ^ bit;
        }
        if (value instanceof Long l) {
            return l ^ bit;
        }
        if (value instanceof Byte b) {
            return (byte) (b ^ bit);
        }
        throw new AssertionError("a field of type " + value.getClass() + ": say how to change it");
    }

    private static List<Place> places(Object root) throws IllegalAccessException {
        List<Place> all = new ArrayList<>();
        walk(root, Collections.newSetFromMap(new IdentityHashMap<>()), all);
        return all;
    }

    private static void walk(Object o, Set<Object> seen, List<Place> all) throws IllegalAccessException {
        if (o instanceof Object[] array) {
            for (Object element : array) {
                if (element != null) {
                    walk(element, seen, all);
                }
            }
            return;
        }
        boolean ours = o.getClass().getPackageName().equals(Pc.class.getPackageName())
                && !o.getClass().isHidden()
                && !(o instanceof GuestMemory
                        || o instanceof PortBus
                        || o instanceof MmioBus
                        || o instanceof ExitCounters
                        || o instanceof FakeTime);
        if (!ours || !seen.add(o)) {
            return;
        }
        for (Class<?> c = o.getClass(); c != Object.class; c = c.getSuperclass()) {
            for (Field f : c.getDeclaredFields()) {
                Place place = new Place(o, f, -1);
                if (Modifier.isStatic(f.getModifiers()) || f.isSynthetic() || NOT_STATE.contains(place.name())) {
                    continue;
                }
                f.setAccessible(true);
                Object value = f.get(o);
                if (f.getType().isPrimitive()) {
                    if (!Modifier.isFinal(f.getModifiers())) {
                        all.add(place);
                    }
                } else if (value != null
                        && f.getType().isArray()
                        && f.getType().getComponentType().isPrimitive()) {
                    int length = Array.getLength(value);
                    for (int i : new int[] {0, length / 2, length - 1}) {
                        all.add(new Place(o, f, i));
                    }
                } else if (value != null) {
                    walk(value, seen, all);
                }
            }
        }
    }
}
