package dev.runinvm.engine;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** What every guest does that believes itself on plain hardware. */
public abstract class PlainGuestScenarios extends GuestScenarios {
    /** @param limit the most that a guest may take from its start to its end */
    protected PlainGuestScenarios(Technique technique, Duration limit) {
        super(technique, limit);
    }

    @Test
    public void seesPlainHardware() throws Exception {
        Outcome o = run(
                "grep -c -w hypervisor /proc/cpuinfo | sed s/^/flags=/; ls /sys/hypervisor 2>&1; ls /sys/class/dmi 2>&1;"
                        + " dmesg | grep -i -E 'hypervisor|paravirt|kvm|xen' | grep -v -i 'command line' | sed 's/^/HINT /'; exit 0");
        assertEquals(0, o.status(), o.console());
        assertTrue(o.console().contains("flags=0"), o.console());
        assertFalse(
                o.console().contains("HINT [") && o.console().matches("(?s).*HINT.*(Hypervisor detected|KVM).*"),
                o.console());
    }
}
