package dev.runinvm.engine;

/** One way of running guests; found as a {@link java.util.ServiceLoader} service, one provider a technique. */
public interface TechniqueProvider {
    /** The technique it implements. */
    Technique technique();

    /** Whether it can run here. Quick, without lasting effects. */
    Availability availability();

    /**
     * Starts a guest.
     *
     * @throws VmException saying at whose door the failure lies
     */
    Vm start(VmConfig config);
}
