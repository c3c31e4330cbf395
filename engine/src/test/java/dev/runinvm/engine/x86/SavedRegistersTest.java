package dev.runinvm.engine.x86;

import dev.runinvm.engine.machine.StateReader;
import dev.runinvm.engine.machine.StateWriter;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.lang.reflect.Array;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

/** No register is forgotten when a processor's state is saved. */
class SavedRegistersTest {
    /** The arithmetic flags as the operation that sets them: saved as RFLAGS, tested below. */
    private static final Set<String> LAZY = Set.of("flagKind", "flagA", "flagB", "flagResult");

    private static byte[] save(CpuState s) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        s.save(new StateWriter(out));
        return out.toByteArray();
    }

    private static CpuState load(byte[] saved) {
        CpuState s = new CpuState();
        s.load(new StateReader(new ByteArrayInputStream(saved)));
        return s;
    }

    @Test
    void everyRegisterIsSavedAndComesBack() throws Exception {
        List<String> forgotten = new ArrayList<>();
        int fields = 0;
        for (Field f : CpuState.class.getDeclaredFields()) {
            if (Modifier.isStatic(f.getModifiers()) || LAZY.contains(f.getName())) {
                continue;
            }
            f.setAccessible(true);
            if (f.getType().isArray()) {
                int zero =
                        f.getName().equals("gpr") || f.getName().equals("base") ? 1 : 0; // the last one never changes
                for (int i = 0; i < Array.getLength(f.get(new CpuState())) - zero; i++) {
                    CpuState s = new CpuState();
                    if (f.getType() == long[].class) {
                        Array.setLong(f.get(s), i, 0x1234_5678_9abc_def0L);
                    } else {
                        Array.setInt(f.get(s), i, 0x1234_5678);
                    }
                    check(s, f.getName() + "[" + i + "]", forgotten);
                    fields++;
                }
            } else if (f.getType().isPrimitive()) {
                CpuState s = new CpuState();
                if (f.getType() == long.class) {
                    f.setLong(s, 0x1234_5678_9abc_def2L);
                } else if (f.getType() == int.class) {
                    f.setInt(s, 0x1234_5678);
                } else {
                    f.setBoolean(s, true);
                }
                check(s, f.getName(), forgotten);
                fields++;
            }
        }
        assertEquals(List.of(), forgotten);
        assertEquals(true, fields > 80, () -> "too few registers found");
    }

    private static void check(CpuState s, String name, List<String> forgotten) {
        byte[] saved = save(s);
        if (Arrays.equals(saved, save(new CpuState()))) {
            forgotten.add(name);
        } else {
            assertArrayEquals(saved, save(load(saved)), name);
        }
    }

    @Test
    void lazyFlagsAreSavedAsWhatTheyWillBe() {
        CpuState s = new CpuState();
        s.flagsSub(1, 2, -1);
        assertEquals(s.rflags(), load(save(s)).rflags());
        assertEquals(true, load(save(s)).cf());
    }

    @Test
    void extendedRegistersComeBackWithoutWhatTheHostPutBetweenThem() {
        CpuState s = new CpuState();
        for (int i = 0; i < 4096; i++) {
            s.xstate.put(i, (byte) (i * 7 + 1));
        }
        CpuState t = load(save(s));
        for (int i = 0; i < 4096; i++) {
            assertEquals(i >= 464 && i < 512 ? 0 : (byte) (i * 7 + 1), t.xstate.get(i), "byte " + i);
        }
    }
}
