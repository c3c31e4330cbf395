package dev.runinvm.engine.machine;

import dev.runinvm.engine.HostLacks;
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
import java.util.function.Supplier;

/**
 * Looks for fields that a part of a machine forgets when it is saved: every field of primitive type that is reached through
 * objects of one package, changed, must change what is saved, and must come back.
 */
public final class SavedFields {
    private final Stateful root;
    private final Set<String> notState;
    private final Set<Class<?>> notWalked;
    private final String packageName;
    private final List<Place> places = new ArrayList<>();

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

    /**
     * Finds all fields.
     *
     * @param root of the objects looked at, those of its package
     * @param notState fields, as CLASS.FIELD, that need not be saved
     * @param notWalked classes whose objects are no state
     */
    public SavedFields(Stateful root, Set<String> notState, Set<Class<?>> notWalked) throws IllegalAccessException {
        this.root = root;
        this.notState = notState;
        this.notWalked = notWalked;
        this.packageName = root.getClass().getPackageName();
        walk(root, Collections.newSetFromMap(new IdentityHashMap<>()));
    }

    /** How many were found. */
    public int count() {
        return places.size();
    }

    /**
     * Those that are not saved, or do not come back.
     *
     * @param fresh makes another machine of the same kind, to be loaded
     */
    public List<String> forgotten(Supplier<? extends Stateful> fresh) throws IllegalAccessException {
        List<String> forgotten = new ArrayList<>();
        for (Place place : places) {
            Object old = place.get();
            byte[] before = save(root);
            boolean saved = false;
            boolean back = false;
            // A field of some bits takes some of these values only, and refuses or trims the others.
            for (int bit = 1; bit <= 1 << 12 && !back; bit <<= 1) {
                place.set(other(old, bit));
                byte[] changed = save(root);
                saved |= !Arrays.equals(before, changed);
                byte[] once = reloaded(fresh.get(), changed);
                back = saved
                        && !Arrays.equals(before, once)
                        && once.length > 0
                        && Arrays.equals(once, reloaded(fresh.get(), once));
            }
            place.set(old);
            if (!back) {
                forgotten.add(place.name() + (saved ? " does not come back" : ""));
            }
        }
        return forgotten.stream().distinct().toList();
    }

    private static byte[] reloaded(Stateful loaded, byte[] saved) {
        try {
            loaded.load(new StateReader(new ByteArrayInputStream(saved)));
        } catch (HostLacks e) {
            return new byte[0]; // the value is impossible for this field
        }
        return save(loaded);
    }

    /** What a part writes. */
    public static byte[] save(Stateful part) {
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

    private void walk(Object o, Set<Object> seen) throws IllegalAccessException {
        if (o instanceof Iterable<?> all) {
            for (Object element : all) {
                walk(element, seen);
            }
            return;
        }
        if (o instanceof Object[] array) {
            for (Object element : array) {
                if (element != null) {
                    walk(element, seen);
                }
            }
            return;
        }
        boolean ours = o.getClass().getPackageName().equals(packageName)
                && !o.getClass().isHidden()
                && !(o instanceof Enum)
                && !(o instanceof Record)
                && notWalked.stream().noneMatch(c -> c.isInstance(o));
        if (!ours || !seen.add(o)) {
            return;
        }
        for (Class<?> c = o.getClass(); c != Object.class; c = c.getSuperclass()) {
            for (Field f : c.getDeclaredFields()) {
                Place place = new Place(o, f, -1);
                if (Modifier.isStatic(f.getModifiers()) || f.isSynthetic() || notState.contains(place.name())) {
                    continue;
                }
                f.setAccessible(true);
                Object value = f.get(o);
                if (f.getType().isPrimitive()) {
                    if (!Modifier.isFinal(f.getModifiers())) {
                        places.add(place);
                    }
                } else if (value != null
                        && f.getType().isArray()
                        && f.getType().getComponentType().isPrimitive()) {
                    int length = Array.getLength(value);
                    for (int i : new int[] {0, length / 2, length - 1}) {
                        places.add(new Place(o, f, i));
                    }
                } else if (value != null) {
                    walk(value, seen);
                }
            }
        }
    }
}
