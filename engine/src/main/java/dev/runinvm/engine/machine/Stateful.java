package dev.runinvm.engine.machine;

/** A part of the machine whose whole state is plain fields that can be written down and read back. */
public interface Stateful {
    /** Writes every field that the guest could tell the value of. vCPU's thread, between two instructions. */
    void save(StateWriter out);

    /**
     * Replaces the state by what {@link #save} wrote.
     *
     * @throws dev.runinvm.engine.HostLacks if the data belong to another device or to a newer version
     */
    void load(StateReader in);
}
