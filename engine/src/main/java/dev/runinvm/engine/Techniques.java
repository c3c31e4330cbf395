package dev.runinvm.engine;

import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;

/** The techniques this engine has, and starting guests with them. Never one instead of another. */
public final class Techniques {
    private Techniques() {}

    /** Whether a technique can run here and, if not, exactly why. */
    public static Availability availability(Technique technique) {
        return provider(technique)
                .map(TechniqueProvider::availability)
                .orElseGet(() -> new Availability(
                        technique,
                        List.of("technique " + technique + " is not part of this version of the engine"),
                        List.of()));
    }

    /**
     * Starts a guest.
     *
     * @throws HostLacks if the technique cannot run here, naming what is missing
     * @throws VmException if the guest cannot be started
     */
    public static Vm start(VmConfig config) {
        Availability availability = availability(config.technique());
        if (!availability.usable()) {
            throw new HostLacks("technique " + config.technique() + " cannot run here: "
                    + String.join("; ", availability.missing()));
        }
        return provider(config.technique()).orElseThrow().start(config);
    }

    private static Optional<TechniqueProvider> provider(Technique technique) {
        return ServiceLoader.load(TechniqueProvider.class, Techniques.class.getClassLoader()).stream()
                .map(ServiceLoader.Provider::get)
                .filter(p -> p.technique() == technique)
                .findFirst();
    }
}
