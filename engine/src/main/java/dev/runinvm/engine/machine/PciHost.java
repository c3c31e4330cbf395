package dev.runinvm.engine.machine;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * PCI configuration mechanism #1 (PCI 3.0, 3.2.2.3.2): the address register at port 0xcf8 and the data window at
 * 0xcfc, one bus, and on it an Intel 440FX host bridge at 00:00.0, by which operating systems tell that the mechanism
 * works. There is no MMCONFIG and no interrupt routing. Byte 0xcf9 is the reset control register.
 */
public final class PciHost implements PortDevice, Stateful {
    static final int ADDRESS = 0xcf8;
    static final int DATA = 0xcfc;
    private static final int RESET_CONTROL = 0xcf9;
    private static final int ENABLE = 0x8000_0000;
    private static final int SLOTS = 32;

    private final @Nullable PciFunction[] slots = new @Nullable PciFunction[SLOTS];
    private final ResetControl reset;
    private int address;
    private int resetControl;

    PciHost(ResetControl reset) {
        this.reset = reset;
        add(0, new PciFunction("host-bridge", 0x8086, 0x1237, 0x060000, 0x02));
    }

    /** Puts a single-function device into a slot of bus 0, 0 to 31. */
    void add(int slot, PciFunction function) {
        if (slots[slot] != null) {
            throw new IllegalArgumentException("PCI slot " + slot + " is taken");
        }
        slots[slot] = function;
    }

    /** Every function there is, in slot order. */
    public List<PciFunction> functions() {
        List<PciFunction> found = new ArrayList<>();
        for (PciFunction function : slots) {
            if (function != null) {
                found.add(function);
            }
        }
        return found;
    }

    private @Nullable PciFunction selected() {
        boolean bus0function0 = (address & 0x00ff_0700) == 0;
        return (address & ENABLE) == 0 || !bus0function0 ? null : slots[address >> 11 & 0x1f];
    }

    @Override
    public int in(int port, int size) {
        if (port >= DATA) {
            PciFunction function = selected();
            return function == null || crosses(port, size) ? -1 : function.readConfig(offset(port), size);
        }
        if (port == ADDRESS && size == 4) {
            return address;
        }
        return port == RESET_CONTROL ? resetControl : -1;
    }

    @Override
    public void out(int port, int size, int value) {
        if (port >= DATA) {
            PciFunction function = selected();
            if (function != null && !crosses(port, size)) {
                function.writeConfig(offset(port), size, value);
            }
        } else if (port == ADDRESS && size == 4) {
            // Only a doubleword reaches the register; smaller accesses pass on to the bus.
            address = value & 0x80ff_fffc;
        } else if (port == RESET_CONTROL) {
            boolean rising = (resetControl & 0x04) == 0 && (value & 0x04) != 0;
            resetControl = value & 0x0a;
            if (rising) {
                reset.request("reset control register (port 0xcf9)");
            }
        }
    }

    private static boolean crosses(int port, int size) {
        return (port & 3) + size > 4;
    }

    private int offset(int port) {
        return address & 0xfc | port & 3;
    }

    @Override
    public void save(StateWriter out) {
        out.section("pci-host", 1);
        out.putInt("address", address);
        out.putInt("resetControl", resetControl);
        functions().forEach(f -> f.save(out));
    }

    @Override
    public void load(StateReader in) {
        in.section("pci-host", 1);
        address = in.getInt("address");
        resetControl = in.getInt("resetControl");
        functions().forEach(f -> f.load(in));
    }
}
