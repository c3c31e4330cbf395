package dev.runinvm.engine.para;

/** The guest has brought itself into a state from which there is no way on: what Xen calls domain_crash. */
final class GuestCrash extends RuntimeException {
    private static final long serialVersionUID = 1L;

    GuestCrash(String why) {
        super(why, null, false, false);
    }
}
