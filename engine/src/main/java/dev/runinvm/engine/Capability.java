package dev.runinvm.engine;

/** What not every technique can give a guest. */
public enum Capability {
    /** More than one processor. */
    SEVERAL_CPUS("guests of more than one processor"),
    /** Block devices kept in files of the host. */
    DISKS("guests with disks"),
    /** A clock that a hypervisor keeps for its guests. */
    PARAVIRTUAL_CLOCK("guests that use a hypervisor's clock");

    private final String what;

    Capability(String what) {
        this.what = what;
    }

    /** In words: what a technique without it cannot run. */
    @Override
    public String toString() {
        return what;
    }
}
