package dev.runinvm.engine.x86;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import static dev.runinvm.engine.x86.TestMachine.NX;
import static dev.runinvm.engine.x86.TestMachine.P;
import static dev.runinvm.engine.x86.TestMachine.U;
import static dev.runinvm.engine.x86.TestMachine.W;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

/** Random tables, rights and accesses, against a model that follows SDM vol. 3, 4.6, and knows of no TLB. */
class MmuModelTest {
    private static final long[] REGIONS = {0, 1L << 30, 1L << 39, 0x7fff_c000_0000L, -1L << 47, -1L << 30};
    private static final long LARGE_PAGES = 3L << 39;
    private static final long HUGE_PAGES = -3L << 39;
    private static final int FRAMES = 64;
    private static final long FIRST_FRAME = 0x30_0000;

    private enum Kind {
        READ,
        WRITE,
        RMW,
        FETCH
    }

    /** What an access should do. */
    private record Expected(boolean allowed, long physical, int error) {}

    private Expected model(TestMachine m, long va, Kind kind) {
        CpuState s = m.s;
        boolean userMode = s.cpl == 3;
        boolean write = kind == Kind.WRITE || kind == Kind.RMW;
        boolean fetch = kind == Kind.FETCH;
        boolean nxe = (s.efer & CpuState.EFER_NXE) != 0;
        boolean smep = (s.cr4 & CpuState.CR4_SMEP) != 0;
        boolean smap = (s.cr4 & CpuState.CR4_SMAP) != 0;
        int error = (write ? 2 : 0) | (userMode ? 4 : 0) | (fetch && (nxe || smep) ? 16 : 0);
        long table = s.cr3 & PageWalker.ADDRESS;
        long together = W | U;
        boolean executable = true;
        for (int shift = 39; ; shift -= 9) {
            long entry = m.memory.getLong(table + (va >>> shift & 511) * 8);
            if ((entry & P) == 0) {
                return new Expected(false, 0, error);
            }
            if (entry < 0) {
                if (!nxe) {
                    return new Expected(false, 0, error | 9);
                }
                executable = false;
            }
            together &= entry;
            if (shift == 12 || shift < 39 && (entry & 0x80) != 0) {
                boolean userPage = (together & U) != 0;
                boolean writable = (together & W) != 0;
                boolean ok;
                if (fetch) {
                    ok = executable && (userMode ? userPage : !(userPage && smep));
                } else if (userMode) {
                    ok = userPage && (!write || writable);
                } else {
                    ok = (!write || writable || (s.cr0 & CpuState.CR0_WP) == 0)
                            && !(userPage && smap && (s.rflags() & CpuState.FLAG_AC) == 0);
                }
                long mask = (1L << shift) - 1;
                long physical = entry & PageWalker.ADDRESS & ~mask | va & mask;
                return new Expected(ok, physical, ok ? 0 : error | 1);
            }
            table = entry & PageWalker.ADDRESS;
        }
    }

    /** A page under test; accesses go to the part of it that is mapped to {@link #FIRST_FRAME} and on. */
    private record Page(long va, int shift) {
        long somewhere(Random r) {
            return switch (shift) {
                case 12 -> va + r.nextInt(4096);
                case 21 -> va + 0x10_0000 + r.nextInt(FRAMES * 4096);
                default -> va + FIRST_FRAME + r.nextInt(FRAMES * 4096);
            };
        }
    }

    private Page pick(Random r, Page[] pages) {
        return pages[r.nextInt(pages.length)];
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6})
    void agreesWithTheModel(long seed) {
        Random r = new Random(seed);
        try (TestMachine m = new TestMachine()) {
            Page[] pages = new Page[60];
            for (int i = 0; i < pages.length; i++) {
                if (i < 48) {
                    // pages 2048 apart share a slot of the TLB
                    pages[i] = new Page(
                            REGIONS[r.nextInt(REGIONS.length)] + (long) r.nextInt(4) * 4096 + (r.nextInt(3) << 23), 12);
                } else if (i < 56) {
                    pages[i] = new Page(LARGE_PAGES + ((i & 3L) << 21) + ((i & 4L) << 28), 21);
                } else {
                    pages[i] = new Page(HUGE_PAGES + ((i & 3L) << 30), 30);
                }
                change(m, r, pages[i]);
            }
            m.mmu.flushAll(false);
            for (int n = 0; n < 30_000; n++) {
                int what = r.nextInt(100);
                if (what < 4) {
                    Page page = pick(r, pages);
                    change(m, r, page);
                    m.mmu.invalidatePage(page.va + (r.nextLong() & (1L << page.shift) - 1));
                } else if (what < 6) {
                    changeUpper(m, r, pick(r, pages));
                    m.mmu.flushAll(false);
                } else if (what < 8) {
                    for (Page page : pages) {
                        if ((m.memory.getLong(m.entryAddress(page.va, page.shift)) & TestMachine.G) == 0) {
                            change(m, r, page, 0);
                        }
                    }
                    m.mmu.loadCr3(m.s.cr3);
                } else if (what < 12) {
                    rights(m, r);
                } else {
                    access(m, r, pick(r, pages), Kind.values()[r.nextInt(4)], seed + "/" + n);
                }
            }
        }
    }

    private void change(TestMachine m, Random r, Page page) {
        change(m, r, page, r.nextInt(4) == 0 ? TestMachine.G : 0);
    }

    private void change(TestMachine m, Random r, Page page, long global) {
        long frame = switch (page.shift) {
            case 12 -> FIRST_FRAME + r.nextInt(FRAMES) * 4096L;
            case 21 -> 0x20_0000 | PageWalker.LARGE;
            default -> PageWalker.LARGE;
        };
        long flags = (r.nextInt(8) == 0 ? 0 : P)
                | (r.nextBoolean() ? W : 0)
                | (r.nextBoolean() ? U : 0)
                | (r.nextInt(4) == 0 ? NX : 0)
                | global
                | (r.nextInt(3) == 0 ? PageWalker.DIRTY : 0);
        m.map(page.va, frame, flags, page.shift);
    }

    private void changeUpper(TestMachine m, Random r, Page page) {
        int shift = new int[] {39, 30, 21}[r.nextInt((39 - page.shift) / 9)];
        long at = m.entryAddress(page.va, shift);
        long entry = m.memory.getLong(at) & ~(W | U | NX) & ~P;
        entry |= (r.nextInt(6) == 0 ? 0 : P)
                | (r.nextInt(3) == 0 ? 0 : W)
                | (r.nextInt(3) == 0 ? 0 : U)
                | (r.nextInt(8) == 0 ? NX : 0);
        if ((entry & P) == 0) {
            entry |= P; // the helper would make a new table, and lose the pages below
            entry &= ~U;
        }
        m.memory.putLong(at, entry);
    }

    private void rights(TestMachine m, Random r) {
        CpuState s = m.s;
        switch (r.nextInt(5)) {
            case 0 -> {
                s.cpl = s.cpl == 3 ? 0 : 3;
                m.mmu.rightsChanged();
            }
            case 1 -> {
                s.setControlFlag(CpuState.FLAG_AC, r.nextBoolean());
                m.mmu.acChanged();
            }
            default -> {
                int cpl = s.cpl;
                s.cpl = 0;
                switch (r.nextInt(3)) {
                    case 0 -> SystemInstructions.writeCr(m.cpu, 0, s.cr0 ^ CpuState.CR0_WP);
                    case 1 -> SystemInstructions.writeCr(m.cpu, 4, s.cr4 ^ CpuState.CR4_SMAP);
                    default -> SystemInstructions.writeCr(m.cpu, 4, s.cr4 ^ CpuState.CR4_SMEP);
                }
                s.cpl = cpl;
                m.mmu.rightsChanged();
            }
        }
    }

    private void access(TestMachine m, Random r, Page page, Kind kind, String where) {
        long va = page.somewhere(r);
        Expected expected = model(m, va, kind);
        if (!expected.allowed) {
            CpuException e = assertThrows(CpuException.class, () -> perform(m, va, kind, 0), where);
            assertEquals(CpuException.PF, e.vector(), where);
            assertEquals(expected.error, e.errorCode(), where);
            assertEquals(va, e.address(), where);
            return;
        }
        byte before = (byte) r.nextInt();
        if (kind != Kind.FETCH) {
            m.memory.putByte(expected.physical, before);
        }
        long answer = perform(m, va, kind, before + 1);
        switch (kind) {
            case READ, RMW -> assertEquals(before & 0xff, answer, where);
            case WRITE -> assertEquals((byte) (before + 1), m.memory.getByte(expected.physical), where);
            case FETCH -> assertEquals(expected.physical, answer, where);
        }
        long leaf = m.memory.getLong(m.entryAddress(va, page.shift));
        long wanted = PageWalker.ACCESSED | (kind == Kind.WRITE || kind == Kind.RMW ? PageWalker.DIRTY : 0);
        assertEquals(wanted, leaf & wanted, where + ": A and D");
    }

    private long perform(TestMachine m, long va, Kind kind, int value) {
        return switch (kind) {
            case READ -> m.mmu.read8(va);
            case RMW -> m.mmu.readRmw8(va);
            case FETCH -> m.mmu.fetch(va);
            case WRITE -> {
                m.mmu.write8(va, value);
                yield 0;
            }
        };
    }

    @Test
    void bulkStringsDoWhatElementsDo() {
        Random r = new Random(7);
        try (TestMachine m = new TestMachine()) {
            long va = 0x40_0000;
            long[] frames = {0x30_0000, 0x30_1000, 0x30_2000, 0x30_1000};
            for (int i = 0; i < 4; i++) {
                m.map(va + 4096L * i, frames[i], P | W);
            }
            byte[] memory = new byte[0x3000];
            for (int n = 0; n < 3000; n++) {
                int element = 1 << r.nextInt(4);
                int count = 1 + r.nextInt(600);
                long dst = va + r.nextInt(3 * 4096);
                long src = r.nextInt(3) == 0 ? dst - 40 + r.nextInt(80) : va + r.nextInt(3 * 4096);
                src = Math.max(va, Math.min(src, va + 3 * 4096));
                long value = r.nextLong();
                int op = r.nextInt(4);
                if (r.nextInt(4) == 0) {
                    byte[] noise = new byte[memory.length];
                    r.nextBytes(noise);
                    m.memory.write(0x30_0000, noise, 0, noise.length);
                }
                m.memory.read(0x30_0000, memory, 0, memory.length);
                switch (op) {
                    case 0 -> {
                        int done = m.mmu.strings.copyForward(dst, src, count * element, element);
                        assertEquals(0, done % element);
                        for (int i = 0; i < done / element; i++) {
                            byte[] one = new byte[element];
                            for (int k = 0; k < element; k++) {
                                one[k] = memory[index(frames, src - va + (long) i * element + k)];
                            }
                            for (int k = 0; k < element; k++) {
                                memory[index(frames, dst - va + (long) i * element + k)] = one[k];
                            }
                        }
                    }
                    case 1 -> {
                        int done = m.mmu.strings.fill(dst, value, element, count);
                        for (int i = 0; i < done * element; i++) {
                            memory[index(frames, dst - va + i)] = (byte) (value >>> 8 * (i % element));
                        }
                    }
                    case 2 -> {
                        if ((dst & 4095) + element > 4096) {
                            continue;
                        }
                        m.mmu.strings.fill(dst, value, element, count);
                        m.memory.read(0x30_0000, memory, 0, memory.length);
                        boolean equal = r.nextBoolean();
                        int same = m.mmu.strings.scan(dst, value, element, count, equal);
                        int room = Math.min(count, (4096 - (int) (dst & 4095)) / element);
                        assertEquals(equal ? room : 0, same);
                    }
                    default -> {
                        int same = m.mmu.strings.compare(dst, src, count * element, element);
                        for (int i = 0; i < same; i++) {
                            assertEquals(memory[index(frames, dst - va + i)], memory[index(frames, src - va + i)]);
                        }
                    }
                }
                byte[] now = new byte[memory.length];
                m.memory.read(0x30_0000, now, 0, now.length);
                org.junit.jupiter.api.Assertions.assertArrayEquals(memory, now, "step " + n + " op " + op);
            }
        }
    }

    private static int index(long[] frames, long offset) {
        return (int) (frames[(int) (offset >>> 12)] - 0x30_0000 + (offset & 4095));
    }
}
