package dev.runinvm.engine.machine;

/**
 * The two cascaded 8259A interrupt controllers of a PC (Intel 231468-003), master at ports 0x20/0x21, slave at
 * 0xa0/0xa1 behind the master's IR2, and the edge/level control registers 0x4d0/0x4d1 of the PIIX.
 *
 * <p>As on the chip, a request must stay up until it is acknowledged: an edge that goes away first leaves a
 * spurious interrupt 7 of its controller, or none if the CPU had not begun to acknowledge.
 */
public final class Pic8259 implements InterruptController, IrqInputs, PortDevice, Stateful {
    static final int MASTER_COMMAND = 0x20;
    static final int SLAVE_COMMAND = 0xa0;
    static final int MASTER_ELCR = 0x4d0;

    /** IRQ 0, 1, 2, 8 and 13 are edge-triggered for good (82371SB datasheet, 2.5.6). */
    private static final int MASTER_ELCR_MASK = 0xf8;

    private static final int SLAVE_ELCR_MASK = 0xde;

    private final Chip master = new Chip(MASTER_ELCR_MASK);
    private final Chip slave = new Chip(SLAVE_ELCR_MASK);
    private Runnable intrListener = () -> {};
    /** The INTR pin; follows from the rest, kept because it is asked for far more often than it changes. */
    private boolean intr;

    private long spurious;

    /** What to call, on the vCPU's thread, whenever INTR rises while the processor may be busy with something else. */
    public void setIntrListener(Runnable listener) {
        intrListener = listener;
    }

    /** Acknowledge cycles that found no request. */
    public long spuriousCount() {
        return spurious;
    }

    @Override
    public void setLine(int irq, boolean level) {
        if (irq < 8) {
            master.setLine(irq, level);
        } else {
            slave.setLine(irq - 8, level);
        }
        settle();
    }

    /** Works out the pins after any change. */
    private void settle() {
        cascade();
        boolean was = intr;
        intr = master.request() >= 0;
        if (intr && !was) {
            intrListener.run();
        }
    }

    /** The slave's INT pin drives IR2, which is taken as it is: while it is up there is something to acknowledge. */
    private void cascade() {
        if (slave.request() >= 0) {
            master.irr |= 1 << CASCADE;
        } else {
            master.irr &= ~(1 << CASCADE);
        }
    }

    @Override
    public boolean pending() {
        return intr;
    }

    @Override
    public int acknowledge() {
        int vector = acknowledgeCycle();
        settle();
        return vector;
    }

    private int acknowledgeCycle() {
        int ir = master.request();
        if (ir < 0) {
            spurious++;
            return master.vectorBase + 7;
        }
        if (ir != CASCADE) {
            master.accept(ir);
            return master.vectorBase + ir;
        }
        master.inService(CASCADE);
        ir = slave.request();
        if (ir < 0) {
            spurious++;
            return slave.vectorBase + 7;
        }
        slave.accept(ir);
        return slave.vectorBase + ir;
    }

    @Override
    public int in(int port, int size) {
        int value;
        switch (port) {
            case MASTER_COMMAND:
                value = master.readCommand();
                break;
            case MASTER_COMMAND + 1:
                value = master.readData();
                break;
            case SLAVE_COMMAND:
                value = slave.readCommand();
                break;
            case SLAVE_COMMAND + 1:
                value = slave.readData();
                break;
            case MASTER_ELCR:
                value = master.elcr;
                break;
            case MASTER_ELCR + 1:
                value = slave.elcr;
                break;
            default:
                return -1;
        }
        settle();
        return value;
    }

    @Override
    public void out(int port, int size, int value) {
        int v = value & 0xff;
        switch (port) {
            case MASTER_COMMAND:
                master.writeCommand(v);
                break;
            case MASTER_COMMAND + 1:
                master.writeData(v);
                break;
            case SLAVE_COMMAND:
                slave.writeCommand(v);
                break;
            case SLAVE_COMMAND + 1:
                slave.writeData(v);
                break;
            case MASTER_ELCR:
                master.elcr = v & master.elcrMask;
                break;
            case MASTER_ELCR + 1:
                slave.elcr = v & slave.elcrMask;
                break;
            default:
                return;
        }
        settle();
    }

    @Override
    public void save(StateWriter out) {
        out.section("pic8259", 1);
        out.putLong("spurious", spurious);
        master.save(out, "master.");
        slave.save(out, "slave.");
    }

    @Override
    public void load(StateReader in) {
        in.section("pic8259", 1);
        spurious = in.getLong("spurious");
        master.load(in, "master.");
        slave.load(in, "slave.");
        settle();
    }

    /** One 8259A. */
    private static final class Chip {
        private final int elcrMask;

        /** Levels of the eight inputs. */
        private int lines;
        /** Interrupt request register. */
        private int irr;
        /** Interrupt mask register. */
        private int imr;
        /** In-service register. */
        private int isr;
        /** The input with the lowest priority; 7 unless rotated. */
        private int lowest = 7;

        private int elcr;
        private int vectorBase;
        private boolean readIsr;
        private boolean poll;
        private boolean specialMask;
        private boolean specialFullyNested;
        private boolean autoEoi;
        private boolean rotateOnAutoEoi;
        /** 0 when ready, else the initialisation command word awaited: 2, 3 or 4. */
        private int awaitedIcw;

        private boolean single;
        private boolean wantsIcw4;

        Chip(int elcrMask) {
            this.elcrMask = elcrMask;
        }

        void setLine(int ir, boolean level) {
            int bit = 1 << ir;
            if (!level) {
                lines &= ~bit;
                irr &= ~bit;
            } else if ((lines & bit) == 0) {
                lines |= bit;
                irr |= bit;
            }
        }

        /** The input that makes INT go up, or -1. */
        int request() {
            int wanted = irr & ~imr;
            if (wanted == 0) {
                return -1;
            }
            int busy = specialMask ? isr & ~imr : isr;
            for (int i = 1; i <= 8; i++) {
                int ir = lowest + i & 7;
                int bit = 1 << ir;
                if ((busy & bit) != 0 && !(specialFullyNested && ir == CASCADE)) {
                    return -1;
                }
                if ((wanted & bit) != 0) {
                    return ir;
                }
                if ((busy & bit) != 0) {
                    return -1;
                }
            }
            return -1;
        }

        /** Acknowledge: the request is in service, an edge is used up, a level stays. */
        void accept(int ir) {
            int bit = 1 << ir;
            if ((elcr & bit) == 0) {
                irr &= ~bit;
            }
            inService(ir);
        }

        void inService(int ir) {
            if (!autoEoi) {
                isr |= 1 << ir;
            } else if (rotateOnAutoEoi) {
                lowest = ir;
            }
        }

        int readCommand() {
            if (poll) {
                return pollCycle();
            }
            return readIsr ? isr : irr;
        }

        int readData() {
            return poll ? pollCycle() : imr;
        }

        /** A read after the poll command acknowledges like INTA does (datasheet, "Poll Command"). */
        private int pollCycle() {
            poll = false;
            int ir = request();
            if (ir < 0) {
                return 0x07;
            }
            accept(ir);
            return 0x80 | ir;
        }

        void writeCommand(int v) {
            if ((v & 0x10) != 0) {
                initialise(v);
            } else if ((v & 0x08) != 0) {
                operationWord3(v);
            } else {
                operationWord2(v);
            }
        }

        private void initialise(int icw1) {
            irr &= elcr;
            imr = 0;
            isr = 0;
            lowest = 7;
            readIsr = false;
            poll = false;
            specialMask = false;
            specialFullyNested = false;
            autoEoi = false;
            rotateOnAutoEoi = false;
            single = (icw1 & 0x02) != 0;
            wantsIcw4 = (icw1 & 0x01) != 0;
            awaitedIcw = 2;
        }

        private void operationWord2(int v) {
            int ir = v & 7;
            switch (v >> 5) {
                case 0:
                    rotateOnAutoEoi = false;
                    break;
                case 1:
                    endHighest(false);
                    break;
                case 3:
                    isr &= ~(1 << ir);
                    break;
                case 4:
                    rotateOnAutoEoi = true;
                    break;
                case 5:
                    endHighest(true);
                    break;
                case 6:
                    lowest = ir;
                    break;
                case 7:
                    isr &= ~(1 << ir);
                    lowest = ir;
                    break;
                default:
                    // 2 is "no operation" in the datasheet.
                    break;
            }
        }

        /** Non-specific EOI; in special mask mode it passes over what is masked. */
        private void endHighest(boolean rotate) {
            int candidates = specialMask ? isr & ~imr : isr;
            for (int i = 1; i <= 8; i++) {
                int ir = lowest + i & 7;
                if ((candidates & 1 << ir) != 0) {
                    isr &= ~(1 << ir);
                    if (rotate) {
                        lowest = ir;
                    }
                    return;
                }
            }
        }

        private void operationWord3(int v) {
            poll = (v & 0x04) != 0;
            if ((v & 0x02) != 0) {
                readIsr = (v & 0x01) != 0;
            }
            if ((v & 0x40) != 0) {
                specialMask = (v & 0x20) != 0;
            }
        }

        void writeData(int v) {
            switch (awaitedIcw) {
                case 2:
                    vectorBase = v & 0xf8;
                    awaitedIcw = single ? wantsIcw4 ? 4 : 0 : 3;
                    break;
                case 3:
                    // The cascade is wired and does not depend on what the guest thinks of it.
                    awaitedIcw = wantsIcw4 ? 4 : 0;
                    break;
                case 4:
                    specialFullyNested = (v & 0x10) != 0;
                    autoEoi = (v & 0x02) != 0;
                    awaitedIcw = 0;
                    break;
                default:
                    imr = v;
                    break;
            }
        }

        void save(StateWriter out, String prefix) {
            out.putInt(prefix + "lines", lines);
            out.putInt(prefix + "irr", irr);
            out.putInt(prefix + "imr", imr);
            out.putInt(prefix + "isr", isr);
            out.putInt(prefix + "lowest", lowest);
            out.putInt(prefix + "elcr", elcr);
            out.putInt(prefix + "vectorBase", vectorBase);
            out.putBoolean(prefix + "readIsr", readIsr);
            out.putBoolean(prefix + "poll", poll);
            out.putBoolean(prefix + "specialMask", specialMask);
            out.putBoolean(prefix + "specialFullyNested", specialFullyNested);
            out.putBoolean(prefix + "autoEoi", autoEoi);
            out.putBoolean(prefix + "rotateOnAutoEoi", rotateOnAutoEoi);
            out.putInt(prefix + "awaitedIcw", awaitedIcw);
            out.putBoolean(prefix + "single", single);
            out.putBoolean(prefix + "wantsIcw4", wantsIcw4);
        }

        void load(StateReader in, String prefix) {
            lines = in.getInt(prefix + "lines");
            irr = in.getInt(prefix + "irr");
            imr = in.getInt(prefix + "imr");
            isr = in.getInt(prefix + "isr");
            lowest = in.getInt(prefix + "lowest") & 7;
            elcr = in.getInt(prefix + "elcr");
            vectorBase = in.getInt(prefix + "vectorBase") & 0xf8;
            readIsr = in.getBoolean(prefix + "readIsr");
            poll = in.getBoolean(prefix + "poll");
            specialMask = in.getBoolean(prefix + "specialMask");
            specialFullyNested = in.getBoolean(prefix + "specialFullyNested");
            autoEoi = in.getBoolean(prefix + "autoEoi");
            rotateOnAutoEoi = in.getBoolean(prefix + "rotateOnAutoEoi");
            awaitedIcw = in.getInt(prefix + "awaitedIcw");
            single = in.getBoolean(prefix + "single");
            wantsIcw4 = in.getBoolean(prefix + "wantsIcw4");
        }
    }
}
