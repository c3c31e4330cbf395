package dev.runinvm.junit;

import dev.runinvm.engine.Availability;
import dev.runinvm.engine.Vm;
import dev.runinvm.engine.VmConfig;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Function;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Puts {@link FakeVm} in the engine's place for one test, and keeps the guests that were started. */
final class FakeGuests implements BeforeEachCallback, AfterEachCallback {
    private final List<FakeVm> started = new CopyOnWriteArrayList<>();

    @Override
    public void beforeEach(ExtensionContext context) {
        use(FakeVm::new);
        Guests.availability = technique -> new Availability(technique, List.of(), List.of());
    }

    void use(Function<VmConfig, FakeVm> starter) {
        Guests.starter = config -> {
            FakeVm vm = starter.apply(config);
            started.add(vm);
            return (Vm) vm;
        };
    }

    List<FakeVm> started() {
        return started;
    }

    @Override
    public void afterEach(ExtensionContext context) {
        Guests.starter = dev.runinvm.engine.Techniques::start;
        Guests.availability = dev.runinvm.engine.Techniques::availability;
        started.forEach(FakeVm::close);
    }
}
