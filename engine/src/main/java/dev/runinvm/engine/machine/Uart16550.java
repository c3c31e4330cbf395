package dev.runinvm.engine.machine;

import java.util.ArrayDeque;

/**
 * A 16550A serial port (National Semiconductor PC16550D) at eight ports.
 *
 * <p>Sending takes no time: a byte written is with the {@link SerialSink} at once and the transmitter is empty again,
 * which is an interrupt if enabled. The peer is a null modem that is always ready and itself honours RTS: bytes given
 * to {@link #offer} wait on the host's side while the guest holds RTS low, so nothing is lost before it opened the port.
 */
public final class Uart16550 implements PortDevice, Stateful {
    private static final int FIFO_SIZE = 16;

    private static final int IER_RX = 0x01;
    private static final int IER_THRE = 0x02;
    private static final int IER_LINE = 0x04;
    private static final int IER_MODEM = 0x08;

    private static final int IIR_NONE = 0x01;
    private static final int IIR_MODEM = 0x00;
    private static final int IIR_THRE = 0x02;
    private static final int IIR_RX = 0x04;
    private static final int IIR_LINE = 0x06;
    private static final int IIR_TIMEOUT = 0x0c;
    private static final int IIR_FIFOS = 0xc0;

    private static final int FCR_ENABLE = 0x01;
    private static final int FCR_CLEAR_RX = 0x02;

    private static final int LCR_DLAB = 0x80;

    private static final int MCR_DTR = 0x01;
    private static final int MCR_RTS = 0x02;
    private static final int MCR_OUT1 = 0x04;
    private static final int MCR_OUT2 = 0x08;
    private static final int MCR_LOOP = 0x10;

    private static final int LSR_DR = 0x01;
    private static final int LSR_OE = 0x02;
    private static final int LSR_ERRORS = 0x1e;
    private static final int LSR_THRE_TEMT = 0x60;

    private static final int MSR_CTS = 0x10;
    private static final int MSR_DSR = 0x20;
    private static final int MSR_RI = 0x40;
    private static final int MSR_DCD = 0x80;

    private final String name;
    private final int base;
    private final IrqLine irq;
    private final Object inputLock = new Object();
    private final ArrayDeque<byte[]> input = new ArrayDeque<>();
    private volatile boolean inputWaiting;
    private volatile SerialSink sink = value -> {};
    private volatile Runnable wake = () -> {};

    /** Bytes of the first element of {@link #input} already taken. */
    private int inputTaken;

    private final byte[] fifo = new byte[FIFO_SIZE];
    private int fifoHead;
    private int fifoCount;
    private int ier;
    private int fcr;
    private int lcr;
    private int mcr;
    private int lineErrors;
    private int msr = MSR_CTS | MSR_DSR | MSR_DCD;
    private int scratch;
    private int divisor = 12;
    /** The transmitter became empty, or its interrupt was enabled while it was, and no read of IIR has seen it. */
    private boolean threPending;

    private long sent;
    private long received;

    /**
     * Makes a port.
     *
     * @param name for messages and saved state
     * @param base first of its eight I/O ports
     */
    Uart16550(String name, int base, IrqLine irq) {
        this.name = name;
        this.base = base;
        this.irq = irq;
    }

    /** Where the guest's output goes from now on; nowhere at first. */
    public void setSink(SerialSink sink) {
        this.sink = sink;
    }

    /** What {@link #offer} calls, on the offering thread, so that a vCPU that sleeps calls {@link #poll}. */
    void setWake(Runnable wake) {
        this.wake = wake;
    }

    /** Bytes the guest has sent. */
    public long sentBytes() {
        return sent;
    }

    /** Bytes the guest has read. */
    public long receivedBytes() {
        return received;
    }

    /** Sends bytes to the guest; any thread, never blocks. They arrive in order, once the guest raises RTS. */
    public void offer(byte[] bytes) {
        if (bytes.length == 0) {
            return;
        }
        synchronized (inputLock) {
            input.add(bytes.clone());
            inputWaiting = true;
        }
        wake.run();
    }

    /** Takes over what was offered meanwhile. vCPU's thread. */
    void poll() {
        if (inputWaiting) {
            refill();
            updateIrq();
        }
    }

    private int capacity() {
        return fifosOn() ? FIFO_SIZE : 1;
    }

    private boolean fifosOn() {
        return (fcr & FCR_ENABLE) != 0;
    }

    private boolean loop() {
        return (mcr & MCR_LOOP) != 0;
    }

    private void refill() {
        if (!inputWaiting || (mcr & MCR_RTS) == 0 || loop()) {
            return;
        }
        synchronized (inputLock) {
            byte[] first = input.peek();
            while (first != null && fifoCount < capacity()) {
                push(first[inputTaken++] & 0xff);
                if (inputTaken == first.length) {
                    input.remove();
                    inputTaken = 0;
                    first = input.peek();
                }
            }
            inputWaiting = first != null;
        }
    }

    private void push(int value) {
        fifo[(fifoHead + fifoCount) % FIFO_SIZE] = (byte) value;
        fifoCount++;
    }

    @Override
    public int in(int port, int size) {
        int value;
        switch (port - base) {
            case 0:
                value = (lcr & LCR_DLAB) != 0 ? divisor & 0xff : readData();
                break;
            case 1:
                value = (lcr & LCR_DLAB) != 0 ? divisor >> 8 : ier;
                break;
            case 2:
                value = readIir();
                break;
            case 3:
                value = lcr;
                break;
            case 4:
                value = mcr;
                break;
            case 5:
                poll();
                value = LSR_THRE_TEMT | lineErrors | (fifoCount > 0 ? LSR_DR : 0);
                lineErrors = 0;
                break;
            case 6:
                value = msr;
                msr &= 0xf0;
                break;
            case 7:
                value = scratch;
                break;
            default:
                return -1;
        }
        updateIrq();
        return value;
    }

    private int readData() {
        int value = fifo[fifoHead] & 0xff;
        if (fifoCount > 0) {
            fifoHead = (fifoHead + 1) % FIFO_SIZE;
            fifoCount--;
            received++;
            refill();
        }
        return value;
    }

    private int readIir() {
        int source = source();
        if (source == IIR_THRE) {
            threPending = false;
        }
        return source | (fifosOn() ? IIR_FIFOS : 0);
    }

    /** The pending interrupt with the highest priority (datasheet, table V). */
    private int source() {
        if ((ier & IER_LINE) != 0 && lineErrors != 0) {
            return IIR_LINE;
        }
        if ((ier & IER_RX) != 0 && fifoCount > 0) {
            // The character time-out passes at once: it only bundles bytes, and ours come bundled.
            return fifoCount >= triggerLevel() ? IIR_RX : IIR_TIMEOUT;
        }
        if ((ier & IER_THRE) != 0 && threPending) {
            return IIR_THRE;
        }
        if ((ier & IER_MODEM) != 0 && (msr & 0x0f) != 0) {
            return IIR_MODEM;
        }
        return IIR_NONE;
    }

    private int triggerLevel() {
        if (!fifosOn()) {
            return 1;
        }
        switch (fcr >> 6) {
            case 0:
                return 1;
            case 1:
                return 4;
            case 2:
                return 8;
            default:
                return 14;
        }
    }

    @Override
    public void out(int port, int size, int value) {
        int v = value & 0xff;
        switch (port - base) {
            case 0:
                if ((lcr & LCR_DLAB) != 0) {
                    divisor = divisor & 0xff00 | v;
                } else {
                    transmit(v);
                }
                break;
            case 1:
                if ((lcr & LCR_DLAB) != 0) {
                    divisor = divisor & 0xff | v << 8;
                } else {
                    writeIer(v & 0x0f);
                }
                break;
            case 2:
                writeFcr(v);
                break;
            case 3:
                lcr = v;
                break;
            case 4:
                writeMcr(v & 0x1f);
                break;
            case 7:
                scratch = v;
                break;
            default:
                // LSR and MSR are for reading; writing is for the factory's tests.
                break;
        }
        updateIrq();
    }

    private void transmit(int v) {
        // Writing takes the interrupt back; let its line be seen low, for the controller looks for an edge.
        threPending = false;
        updateIrq();
        if (loop()) {
            if (fifoCount < capacity()) {
                push(v);
            } else {
                lineErrors |= LSR_OE & LSR_ERRORS;
            }
        } else {
            sent++;
            sink.write(v);
        }
        threPending = true;
    }

    private void writeIer(int v) {
        if ((v & IER_THRE) != 0 && (ier & IER_THRE) == 0) {
            // Enabling it while the transmitter is empty, which it always is, interrupts at once.
            threPending = true;
        }
        ier = v;
    }

    private void writeFcr(int v) {
        boolean toggled = ((v ^ fcr) & FCR_ENABLE) != 0;
        if (toggled || (v & FCR_CLEAR_RX) != 0) {
            fifoHead = 0;
            fifoCount = 0;
        }
        fcr = (v & FCR_ENABLE) != 0 ? v & 0xc9 : 0;
        refill();
    }

    private void writeMcr(int v) {
        mcr = v;
        int lines = MSR_CTS | MSR_DSR | MSR_DCD;
        if (loop()) {
            lines = ((v & MCR_RTS) != 0 ? MSR_CTS : 0)
                    | ((v & MCR_DTR) != 0 ? MSR_DSR : 0)
                    | ((v & MCR_OUT1) != 0 ? MSR_RI : 0)
                    | ((v & MCR_OUT2) != 0 ? MSR_DCD : 0);
        }
        int changed = (lines ^ msr) & 0xf0;
        // The delta of RI tells only of its trailing edge.
        if ((lines & MSR_RI) != 0) {
            changed &= ~MSR_RI;
        }
        msr = lines | msr & 0x0f | changed >> 4;
        refill();
    }

    /** On a PC OUT2 connects the interrupt pin to the bus, and loopback takes OUT2 away. */
    private void updateIrq() {
        irq.set(source() != IIR_NONE && (mcr & MCR_OUT2) != 0 && !loop());
    }

    @Override
    public void save(StateWriter out) {
        out.section(name, 1);
        out.putBytes("fifo", fifo);
        out.putInt("fifoHead", fifoHead);
        out.putInt("fifoCount", fifoCount);
        out.putInt("ier", ier);
        out.putInt("fcr", fcr);
        out.putInt("lcr", lcr);
        out.putInt("mcr", mcr);
        out.putInt("lineErrors", lineErrors);
        out.putInt("msr", msr);
        out.putInt("scratch", scratch);
        out.putInt("divisor", divisor);
        out.putBoolean("threPending", threPending);
        out.putLong("sent", sent);
        out.putLong("received", received);
    }

    /** What was offered and not yet received is the host's and stays as it is. */
    @Override
    public void load(StateReader in) {
        in.section(name, 1);
        in.getBytes("fifo", fifo);
        fifoHead = in.getInt("fifoHead") & FIFO_SIZE - 1;
        fifoCount = Math.min(FIFO_SIZE, Math.max(0, in.getInt("fifoCount")));
        ier = in.getInt("ier");
        fcr = in.getInt("fcr");
        lcr = in.getInt("lcr");
        mcr = in.getInt("mcr");
        lineErrors = in.getInt("lineErrors");
        msr = in.getInt("msr");
        scratch = in.getInt("scratch");
        divisor = in.getInt("divisor");
        threPending = in.getBoolean("threPending");
        sent = in.getLong("sent");
        received = in.getLong("received");
    }
}
