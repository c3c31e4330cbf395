package dev.runinvm.engine.para;

import dev.runinvm.engine.machine.Stateful;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The handshake of split drivers over xenstore (xen/include/public/io/xenbus.h), from the back end's side: the front end
 * publishes a ring and an event channel, the back end connects to them.
 */
final class XenBus {
    private static final Logger LOG = LoggerFactory.getLogger("vm.para");

    private static final int INITIALISING = 1;
    private static final int INIT_WAIT = 2;
    private static final int INITIALISED = 3;
    static final int CONNECTED = 4;
    private static final int CLOSING = 5;
    private static final int CLOSED = 6;

    private final XenStore store;

    XenBus(XenStore store) {
        this.store = store;
    }

    /** A back end of one device. */
    interface Backend extends Stateful {
        /**
         * The front end is ready.
         *
         * @param front its directory
         * @param back ours
         * @return whether we could connect
         */
        boolean connect(String front, String back);

        /** The front end goes away. */
        void disconnect();
    }

    /** Puts a device on the guest's bus. */
    void add(String type, int id, Backend backend) {
        String front = XenStore.HOME + "/device/" + type + "/" + id;
        String back = "/local/domain/0/backend/" + type + "/" + XenStore.GUEST + "/" + id;
        store.write(back + "/frontend", front);
        store.write(back + "/frontend-id", Integer.toString(XenStore.GUEST));
        store.write(back + "/online", "1");
        store.write(back + "/state", Integer.toString(INIT_WAIT));
        store.write(front + "/backend", back);
        store.write(front + "/backend-id", "0");
        store.write(front + "/state", Integer.toString(INITIALISING));
        store.watch(front + "/state", path -> frontChanged(front, back, backend));
    }

    private void frontChanged(String front, String back, Backend backend) {
        int ours = store.readNumber(back + "/state");
        switch (store.readNumber(front + "/state")) {
            case INITIALISED, CONNECTED -> {
                if (ours == CONNECTED) {
                    return;
                }
                if (backend.connect(front, back)) {
                    store.write(back + "/state", Integer.toString(CONNECTED));
                } else {
                    LOG.warn("the guest's driver of {} names a ring or an event channel that it does not have", front);
                    store.write(back + "/state", Integer.toString(CLOSING));
                }
            }
            case CLOSING -> {
                if (ours != CLOSING) {
                    store.write(back + "/state", Integer.toString(CLOSING));
                }
            }
            case CLOSED -> {
                backend.disconnect();
                if (ours != CLOSED) {
                    store.write(back + "/state", Integer.toString(CLOSED));
                }
            }
            case INITIALISING -> {
                if (ours == CLOSED) {
                    store.write(back + "/state", Integer.toString(INIT_WAIT));
                }
            }
            default -> {}
        }
    }
}
