package dev.runinvm.engine.para;

import dev.runinvm.engine.machine.DoorbellHandler;
import dev.runinvm.engine.machine.StateReader;
import dev.runinvm.engine.machine.StateWriter;
import dev.runinvm.engine.machine.Stateful;

/**
 * The channel's doorbell: what the agent writes to a console of its own. Each write ends in a hypercall, the event
 * channel's notification, which returns when the host has done what it was asked. The letters are ASCII, so that no
 * terminal setting changes them: F flush; W and 8 hexadecimal digits, wait so many milliseconds; G goodbye.
 */
final class Bell implements OtherOps.Output, Stateful {
    private static final int DIGITS = 8;

    private final DoorbellHandler handler;
    private int digits = -1;
    private long millis;
    long rung;

    Bell(DoorbellHandler handler) {
        this.handler = handler;
    }

    @Override
    public void accept(byte[] bytes, int from, int count) {
        for (int i = from; i < from + count; i++) {
            letter(bytes[i]);
        }
    }

    private void letter(byte b) {
        int digit = Character.digit(b, 16);
        if (digits >= 0 && digit >= 0) {
            millis = millis << 4 | digit;
            if (++digits == DIGITS) {
                digits = -1;
                rung++;
                handler.await(millis);
            }
            return;
        }
        digits = -1;
        switch (b) {
            case 'F' -> {
                rung++;
                handler.flush();
            }
            case 'W' -> {
                digits = 0;
                millis = 0;
            }
            case 'G' -> {
                rung++;
                handler.goodbye();
            }
            default -> {} // whatever else is written there
        }
    }

    @Override
    public void save(StateWriter out) {
        out.section("bell", 1);
        out.putInt("digits", digits);
        out.putLong("millis", millis);
    }

    @Override
    public void load(StateReader in) {
        in.section("bell", 1);
        digits = in.getInt("digits");
        millis = in.getLong("millis");
    }
}
