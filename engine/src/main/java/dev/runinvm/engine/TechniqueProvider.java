package dev.runinvm.engine;

import java.util.Set;

/** One way of running guests; found as a {@link java.util.ServiceLoader} service, one provider a technique. */
public interface TechniqueProvider {
    /** The technique it implements. */
    Technique technique();

    /** Whether it can run here. Quick, without lasting effects. */
    Availability availability();

    /** What its guests may be given beyond what those of every technique have. */
    default Set<Capability> capabilities() {
        return Set.of();
    }

    /**
     * Starts a guest, which needs nothing but {@link #capabilities()}.
     *
     * @throws VmException saying at whose door the failure lies
     */
    Vm start(VmConfig config);
}
