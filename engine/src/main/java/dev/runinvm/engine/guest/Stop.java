package dev.runinvm.engine.guest;

import dev.runinvm.engine.GuestEnd;
import java.util.Optional;

/**
 * Why a guest's processor stopped for good.
 *
 * @param kind what it met
 * @param detail for people; may be empty where the kind says all
 */
public record Stop(Kind kind, String detail) {
    /** What a processor can stop at. */
    public enum Kind {
        /** Somebody on the host wanted it. */
        STOPPED,
        /** HLT with interrupts off, or for ever after the kernel's last word: nothing can wake it. */
        HALTED,
        /** A device asked for a reset of the machine. */
        RESET,
        /** An exception while delivering a double fault. */
        TRIPLE_FAULT,
        /** The kernel asked the hypervisor to switch it off. */
        SWITCHED_OFF,
        /** The kernel told the hypervisor of its crash, or did what no guest may. */
        CRASHED
    }

    /** What the stop means, in the light of what console and init have said before. */
    public GuestEnd describe(RecordingConsole console) {
        if (kind == Kind.STOPPED) {
            return new GuestEnd(GuestEnd.Kind.KILLED, "the guest was ended from the host");
        }
        Optional<String> panic = console.panic();
        if (panic.isPresent()) {
            return new GuestEnd(GuestEnd.Kind.PANIC, "the guest's kernel panicked: " + panic.get());
        }
        if (console.exitStatus().isPresent()) {
            int status = console.exitStatus().getAsInt();
            return new GuestEnd(
                    GuestEnd.Kind.AGENT_EXITED,
                    "the guest's main program ended with status " + status
                            + (status > 128 && status < 193 ? " (killed by signal " + (status - 128) + ")" : ""));
        }
        return switch (kind) {
            case HALTED ->
                new GuestEnd(
                        GuestEnd.Kind.POWER_OFF,
                        console.poweringOff()
                                ? "the guest was switched off"
                                : "the guest's processor was halted with interrupts off");
            case SWITCHED_OFF -> new GuestEnd(GuestEnd.Kind.POWER_OFF, "the guest was switched off");
            case CRASHED -> new GuestEnd(GuestEnd.Kind.PANIC, "the guest crashed: " + detail);
            case RESET -> new GuestEnd(GuestEnd.Kind.REBOOT, "the guest reset itself: " + detail);
            default ->
                console.restarting() // by a triple fault on purpose: reboot=t, or sysrq's emergency restart
                        ? new GuestEnd(GuestEnd.Kind.REBOOT, "the guest restarted itself")
                        : new GuestEnd(GuestEnd.Kind.TRIPLE_FAULT, detail);
        };
    }
}
