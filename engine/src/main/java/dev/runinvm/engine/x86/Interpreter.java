package dev.runinvm.engine.x86;

import org.jspecify.annotations.Nullable;

/**
 * Executes ring-0 code from decoded blocks, until ring 3 is reached or somebody asks for attention. Between
 * {@link #run()} calls the whole state is in {@link CpuState}; the vCPU's thread only.
 */
public final class Interpreter {
    /** Why {@link #run()} came back. */
    public enum Exit {
        /** The privilege level is 3. */
        USER,
        /** HLT; nothing is to be done before an interrupt comes. */
        HALT,
        /** {@link Cpu#attention()} is set; the caller clears it and looks for the cause. */
        ATTENTION,
        /** {@link Cpu#stopRequested} is set. */
        STOP
    }

    private static final long DR6_SINGLE_STEP = 1 << 14;
    /** Blocks executed in one go before somebody looks whether it is always the same ones, and how near they are. */
    private static final int STRETCH = 4096;

    private static final long NEAR = 128;

    private final Cpu cpu;
    private final CpuState s;
    private final Mmu mmu;
    private final CodeCache cache;
    private final Decoder decoder = new Decoder();
    private final byte[] bytes = new byte[2 * Decoder.MAX_LENGTH];
    private final CountedLoop loop;
    /** Where control was when {@link #STRETCH} blocks had been executed in one go. */
    private long lastStretch;

    /** Instructions executed, REP counted once. */
    public long instructions;
    /** Exceptions delivered by {@link #run()}. */
    public long exceptions;

    public Interpreter(Cpu cpu) {
        this.cpu = cpu;
        this.s = cpu.s;
        this.mmu = cpu.mmu;
        this.cache = new CodeCache(cpu.mmu, cpu.memory);
        this.loop = new CountedLoop(this, s, decoder);
    }

    /** The decoded code, to be told of changes that did not come through {@link Mmu}. */
    public CodeCache cache() {
        return cache;
    }

    /**
     * Runs at privilege level 0 until there is a reason to come back. An interrupt that is pending when it is called
     * is taken first, if RFLAGS.IF allows.
     *
     * @throws TripleFault if the processor shuts down
     */
    public Exit run() {
        if (s.interruptShadow) {
            single();
        }
        if (s.interruptsEnabled() && !s.interruptShadow && cpu.intc.pending()) {
            Interrupts.acceptIfPending(cpu);
        }
        for (; ; ) {
            Exit exit = reason();
            if (exit != null) {
                return exit;
            }
            if (s.controlFlag(CpuState.FLAG_TF)) {
                single();
                continue;
            }
            s.interruptShadow = false; // any interrupt would be seen at the end of a block at the earliest
            Block start;
            try {
                start = cache.find(s.rip);
            } catch (CpuException e) {
                raise(e);
                continue;
            }
            if (blocks(start)) {
                stretched();
            }
        }
    }

    /** Nothing has come between for a long time: it may be a loop that only counts. */
    private void stretched() {
        long rip = s.rip;
        if (Math.abs(rip - lastStretch) < NEAR && !s.controlFlag(CpuState.FLAG_TF)) {
            try {
                loop.attempt();
            } catch (CpuException e) {
                raise(e);
            }
        }
        lastStretch = rip;
    }

    /** One attempt at RIP, for tests. */
    void attemptLoop() {
        loop.attempt();
    }

    /** Turns of loops that were made in one step. */
    public long countedTurns() {
        return loop.turns;
    }

    private @Nullable Exit reason() {
        if (s.cpl == 3) {
            return Exit.USER;
        }
        if (s.halted) {
            return Exit.HALT;
        }
        if (cpu.attention()) {
            return cpu.stopRequested ? Exit.STOP : Exit.ATTENTION;
        }
        return null;
    }

    /**
     * Executes a block and those that follow, until one leaves, one is interrupted or attention is asked for.
     *
     * @return true if none of this happened for a long time
     */
    private boolean blocks(Block start) {
        Block b = start;
        for (int left = STRETCH; ; left--) {
            Insn[] code = b.code;
            int i = 0;
            try {
                while (code[i].exec(cpu)) {
                    i++;
                }
            } catch (CpuException e) {
                interrupted(b, i);
                raise(e);
                return false;
            } catch (Block.Abandoned e) {
                interrupted(b, i);
                return false;
            }
            Insn last = code[i];
            instructions += i;
            if (last.length != 0) {
                instructions++;
            } else {
                cache.fellThrough(b);
            }
            if (last.leaves || cpu.attention()) {
                return false;
            }
            Block next = last.link;
            if (left == 0) {
                return true;
            }
            if (next == null || next.address != s.rip || next.generation != mmu.codeGeneration) {
                next = successor(last);
                if (next == null) {
                    return false;
                }
            }
            b = next;
        }
    }

    private void interrupted(Block b, int index) {
        instructions += index;
        s.rip = b.addressOf(index);
    }

    /** The block at RIP, remembered by the instruction that led there; null if its fetch faulted, which was delivered. */
    private @Nullable Block successor(Insn last) {
        try {
            Block next = cache.find(s.rip);
            last.link = next;
            return next;
        } catch (CpuException e) {
            raise(e);
            return null;
        }
    }

    private void raise(CpuException e) {
        exceptions++;
        Interrupts.raise(cpu, e);
    }

    /** One instruction in the run loop: in an interrupt shadow, or with RFLAGS.TF. */
    private void single() {
        if (s.cpl == 3 || s.halted) {
            return;
        }
        boolean trap = s.controlFlag(CpuState.FLAG_TF);
        try {
            step();
            if (trap) {
                s.dr[6] |= DR6_SINGLE_STEP;
                raise(CpuException.of(CpuException.DB));
            }
        } catch (CpuException e) {
            raise(e);
        }
    }

    /**
     * Executes exactly one instruction, at any privilege level, without the cache; a repeated string instruction may
     * stop between elements, RIP still on it. Delivers nothing.
     *
     * @throws CpuException what the instruction raised; the state is as before it
     */
    public void step() {
        execute(fetch(s.rip));
    }

    /**
     * Executes instructions of a program (privilege level 3) one after another, each as {@link #step()} does, until RIP is
     * on another page than the one given, or attention is asked for.
     *
     * @param address any on the page
     */
    public void steps(long address) {
        do {
            step();
        } while (s.cpl == 3 && s.rip >>> 12 == address >>> 12 && !cpu.attention() && !s.controlFlag(CpuState.FLAG_TF));
    }

    /** Executes the instruction that {@link #fetch} found at RIP. */
    void execute(Insn insn) {
        long address = s.rip;
        s.interruptShadow = false;
        try {
            if (insn.exec(cpu)) {
                s.rip = address + insn.length;
            }
        } catch (CpuException e) {
            s.rip = address;
            throw e;
        }
        instructions++;
    }

    /** The instruction at an address; the decoder holds its parts. */
    Insn fetch(long address) {
        int inPage = 4096 - (int) (address & 4095);
        int first = Math.min(inPage, Decoder.MAX_LENGTH);
        if (!copy(mmu.fetch(address), 0, first)) {
            return new SystemForms.Fault(CpuException.UD);
        }
        int length = decoder.decode(bytes, 0, first, address);
        if (length == Decoder.TRUNCATED) {
            if (!copy(mmu.fetch(address + first), first, Decoder.MAX_LENGTH)) {
                return new SystemForms.Fault(CpuException.UD);
            }
            length = decoder.decode(bytes, 0, first + Decoder.MAX_LENGTH, address);
        }
        return length < 0 ? new SystemForms.Fault(CpuException.GP) : InsnFactory.create(decoder);
    }

    private boolean copy(long physical, int to, int length) {
        long offset = cpu.memory.offset(physical);
        if (offset < 0) {
            return false;
        }
        cpu.memory.buffer(offset).get(cpu.memory.index(offset), bytes, to, length);
        return true;
    }
}
