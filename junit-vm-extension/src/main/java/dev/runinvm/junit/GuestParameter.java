package dev.runinvm.junit;

import dev.runinvm.agent.spi.HostLine;
import dev.runinvm.engine.Technique;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;

/** Gives tests their {@link Guest}. */
public final class GuestParameter implements ParameterResolver {
    /** Called by JUnit. */
    public GuestParameter() {}

    @Override
    public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
        return parameter.getParameter().getType() == Guest.class;
    }

    @Override
    public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
        return RunInVMExtension.inGuest() ? new Inside() : new StandIn();
    }

    /** In the guest: what is fixed came with the run, the rest is asked for. */
    private static final class Inside implements Guest {
        @Override
        public Technique technique() {
            return Technique.valueOf(System.getProperty("runinvm.technique", ""));
        }

        @Override
        public String kernelRelease() {
            return System.getProperty("runinvm.kernelRelease", "");
        }

        @Override
        public long memoryBytes() {
            return Long.getLong("runinvm.memory", 0);
        }

        @Override
        public Map<String, Long> counters() {
            return HostLine.ask().counters();
        }

        @Override
        public List<String> console() {
            return HostLine.ask().console();
        }

        @Override
        public String toString() {
            return technique() + " guest, kernel " + kernelRelease();
        }
    }

    private static final class StandIn implements Guest {
        private static IllegalStateException onHost() {
            return new IllegalStateException("this is the host; a Guest answers in the guest only");
        }

        @Override
        public Technique technique() {
            throw onHost();
        }

        @Override
        public String kernelRelease() {
            throw onHost();
        }

        @Override
        public long memoryBytes() {
            throw onHost();
        }

        @Override
        public Map<String, Long> counters() {
            throw onHost();
        }

        @Override
        public List<String> console() {
            throw onHost();
        }

        @Override
        public String toString() {
            return "stand-in for the guest";
        }
    }
}
