package dev.runinvm.engine.para;

import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.machine.StateReader;
import dev.runinvm.engine.machine.StateWriter;
import dev.runinvm.engine.machine.Stateful;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The guest's event channels, 2-level (xen/include/public/event_channel.h). Its peer in other domains is always one of
 * our back ends, in domain 0. The vCPU's thread only.
 */
final class EventChannels implements Stateful {
    /** Of the domain itself, in hypercalls. */
    static final int DOMID_SELF = 0x7ff0;

    static final int VIRQ_TIMER = 0;
    private static final int VIRQS = 24;

    /** What a channel is connected to. */
    private enum State {
        FREE,
        /** For a back end to connect to. */
        UNBOUND,
        INTERDOMAIN,
        VIRQ,
        IPI
    }

    private final SharedInfo shared;
    private final State[] state = new State[SharedInfo.PORTS];
    private final @Nullable Runnable[] backend = new @Nullable Runnable[SharedInfo.PORTS];
    private final int[] virqPort = new int[VIRQS];
    private final int[] virqOf = new int[SharedInfo.PORTS];
    /** Notifications from the guest and to it. */
    long sent;

    long received;

    EventChannels(SharedInfo shared) {
        this.shared = shared;
        Arrays.fill(state, State.FREE);
    }

    private int free() {
        for (int port = 1; port < SharedInfo.PORTS; port++) {
            if (state[port] == State.FREE) {
                return port;
            }
        }
        throw new XenError(XenError.ENOSPC);
    }

    private void require(int port) {
        if (port <= 0 || port >= SharedInfo.PORTS || state[port] == State.FREE) {
            throw XenError.invalid();
        }
    }

    /** A channel to a back end, connected before the guest starts. */
    int connected(Runnable onNotify) {
        int port = free();
        state[port] = State.INTERDOMAIN;
        backend[port] = onNotify;
        return port;
    }

    /** EVTCHNOP_alloc_unbound: a channel that domain 0 may connect to. */
    int allocateUnbound(int domain, int remote) {
        if (domain != DOMID_SELF) {
            throw new XenError(XenError.EPERM);
        }
        int port = free();
        state[port] = State.UNBOUND;
        return port;
    }

    /**
     * A back end connects to a channel of the guest's.
     *
     * @return whether there is one to connect to
     */
    boolean connect(int port, Runnable onNotify) {
        if (port <= 0 || port >= SharedInfo.PORTS || state[port] != State.UNBOUND) {
            return false;
        }
        state[port] = State.INTERDOMAIN;
        backend[port] = onNotify;
        return true;
    }

    /** Whether a channel is connected, and to this. */
    boolean isConnected(int port, Runnable onNotify) {
        return port > 0
                && port < SharedInfo.PORTS
                && state[port] == State.INTERDOMAIN
                && onNotify.equals(backend[port]);
    }

    /** Connects a back end again with the channel that it had when the guest was written down. */
    void reconnect(int port, Runnable onNotify) {
        if (port <= 0 || port >= SharedInfo.PORTS || state[port] != State.INTERDOMAIN) {
            throw new HostLacks("the saved state has a back end at event channel " + port + ", which is none");
        }
        backend[port] = onNotify;
    }

    /** EVTCHNOP_bind_virq. */
    int bindVirq(int virq, int vcpu) {
        if (virq < 0 || virq >= VIRQS) {
            throw XenError.invalid();
        }
        requireVcpu(vcpu);
        if (virqPort[virq] != 0) {
            throw new XenError(17); // EEXIST
        }
        int port = free();
        state[port] = State.VIRQ;
        virqPort[virq] = port;
        virqOf[port] = virq;
        return port;
    }

    /** EVTCHNOP_bind_ipi. */
    int bindIpi(int vcpu) {
        requireVcpu(vcpu);
        int port = free();
        state[port] = State.IPI;
        return port;
    }

    /** EVTCHNOP_bind_vcpu: there is one. */
    void bindVcpu(int port, int vcpu) {
        require(port);
        requireVcpu(vcpu);
    }

    private static void requireVcpu(int vcpu) {
        if (vcpu != 0) {
            throw new XenError(XenError.ENOENT);
        }
    }

    /** EVTCHNOP_close. */
    void close(int port) {
        require(port);
        if (state[port] == State.VIRQ) {
            virqPort[virqOf[port]] = 0;
        }
        state[port] = State.FREE;
        backend[port] = null;
        shared.clearPending(port);
    }

    /** EVTCHNOP_reset: closes all. */
    void reset() {
        for (int port = 1; port < SharedInfo.PORTS; port++) {
            if (state[port] != State.FREE) {
                close(port);
            }
        }
    }

    /** EVTCHNOP_send. */
    void send(int port) {
        require(port);
        sent++;
        switch (state[port]) {
            case INTERDOMAIN -> {
                Runnable peer = backend[port];
                if (peer != null) {
                    peer.run();
                }
            }
            case IPI -> shared.setPending(port);
            case UNBOUND -> {} // silently lost, as in Xen
            default -> throw XenError.invalid();
        }
    }

    /** EVTCHNOP_unmask. */
    void unmask(int port) {
        require(port);
        shared.unmask(port);
    }

    /** EVTCHNOP_status' number for a port's state. */
    int status(int port) {
        if (port <= 0 || port >= SharedInfo.PORTS) {
            throw XenError.invalid();
        }
        return switch (state[port]) {
            case FREE -> 0;
            case UNBOUND -> 1;
            case INTERDOMAIN -> 2;
            case VIRQ -> 4;
            case IPI -> 5;
        };
    }

    /** The virtual interrupt of a port, for its status. */
    int virq(int port) {
        return virqOf[port];
    }

    /** A back end notifies the guest. */
    void notifyGuest(int port) {
        if (port > 0 && port < SharedInfo.PORTS && state[port] == State.INTERDOMAIN) {
            received++;
            shared.setPending(port);
        }
    }

    /** Raises a virtual interrupt, if it is bound. */
    void raise(int virq) {
        int port = virqPort[virq];
        if (port != 0) {
            received++;
            shared.setPending(port);
        }
    }

    /** What each channel is; back ends connect again by themselves. */
    @Override
    public void save(StateWriter out) {
        out.section("event-channels", 1);
        byte[] kinds = new byte[SharedInfo.PORTS];
        byte[] virqs = new byte[SharedInfo.PORTS];
        for (int port = 0; port < SharedInfo.PORTS; port++) {
            kinds[port] = (byte) state[port].ordinal();
            virqs[port] = (byte) virqOf[port];
        }
        out.putBytes("states", kinds);
        out.putBytes("virqOf", virqs);
        for (int port : virqPort) {
            out.putInt("virqPort", port);
        }
    }

    @Override
    public void load(StateReader in) {
        in.section("event-channels", 1);
        byte[] kinds = new byte[SharedInfo.PORTS];
        byte[] virqs = new byte[SharedInfo.PORTS];
        in.getBytes("states", kinds);
        in.getBytes("virqOf", virqs);
        for (int port = 0; port < SharedInfo.PORTS; port++) {
            if (kinds[port] < 0 || kinds[port] >= State.values().length || virqs[port] < 0 || virqs[port] >= VIRQS) {
                throw new HostLacks("the saved state has an impossible event channel " + port);
            }
            state[port] = State.values()[kinds[port]];
            virqOf[port] = virqs[port];
            backend[port] = null;
        }
        for (int i = 0; i < VIRQS; i++) {
            virqPort[i] = in.getInt("virqPort") & SharedInfo.PORTS - 1;
        }
    }
}
