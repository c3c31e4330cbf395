package dev.runinvm.engine.x86;

import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

class CpuidModelTest {
    private static final int EAX = 0;
    private static final int EBX = 1;
    private static final int ECX = 2;
    private static final int EDX = 3;
    private static final long TSC_HZ = 2_445_000_000L;

    private final CpuState s = new CpuState();

    static Stream<Arguments> hosts() {
        return Stream.of(
                Arguments.of("AMD", HostCpuids.zen4(), new CpuidModel(HostCpuids.zen4(), 0x2e7, TSC_HZ)),
                Arguments.of(
                        "Intel", HostCpuids.intelServer(), new CpuidModel(HostCpuids.intelServer(), 0x602e7, TSC_HZ)));
    }

    private boolean has(CpuidModel model, int leaf, int register, int bit) {
        return (model.leaf(leaf, 0, s)[register] >>> bit & 1) != 0;
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("hosts")
    void nothingTellsOfAHypervisor(String name, HostCpuid host, CpuidModel model) {
        assertFalse(has(model, 1, ECX, 31));
        for (int leaf = 0x4000_0000; leaf < 0x4000_0100; leaf++) {
            int[] outOfRange = name.equals("Intel") ? model.leaf(model.leaf(0, 0, s)[EAX], 0, s) : new int[4];
            assertArrayEquals(outOfRange, model.leaf(leaf, 0, s));
        }
        s.gpr[CpuState.RAX] = 0x4000_0000L;
        s.gpr[CpuState.RBX] = -1;
        model.execute(s);
        assertEquals(0, s.gpr[CpuState.RBX] >>> 32);
        assertFalse(has(model, 1, ECX, 5), "VMX");
        assertFalse(has(model, 0x8000_0001, ECX, 2), "SVM");
        if (name.equals("AMD")) {
            assertArrayEquals(new int[4], model.leaf(0x8000_000a, 0, s), "SVM's own leaf");
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("hosts")
    void aXenGuestLacksOnlyWhatItCannotUse(String name, HostCpuid host, CpuidModel plain) {
        CpuidModel xen = CpuidModel.forXenGuest(host, 0x2e7, TSC_HZ);
        assertTrue(has(xen, 1, ECX, 31), "hypervisor");
        int lacks = 1 << 1 | 1 << 3 | 1 << 13 | 1 << 17; // VME PSE PGE PSE36
        assertEquals(plain.leaf(1, 0, s)[EDX] & ~lacks, xen.leaf(1, 0, s)[EDX]);
        assertTrue(has(xen, 1, EDX, 26), "SSE2, without which no 64-bit program runs");
        int pages = plain.leaf(0x8000_0001, 0, s)[EDX] & ~lacks & ~(1 << 26); // PDPE1GB
        assertEquals(pages, xen.leaf(0x8000_0001, 0, s)[EDX]);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("hosts")
    void theVendorAndTheModelAreTheHosts(String name, HostCpuid host, CpuidModel model) {
        assertEquals(name.equals("Intel"), model.intel());
        for (int register : new int[] {EBX, ECX, EDX}) {
            assertEquals(host.leaf(0, 0)[register], model.leaf(0, 0, s)[register]);
        }
        assertEquals(host.leaf(1, 0)[EAX], model.leaf(1, 0, s)[EAX]);
        assertArrayEquals(host.leaf(0x8000_0002, 0), model.leaf(0x8000_0002, 0, s));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("hosts")
    void whatTheEngineDoesNotProvideIsHidden(String name, HostCpuid host, CpuidModel model) {
        for (int bit : new int[] {3, 5, 8, 15, 18, 21, 24}) {
            assertFalse(has(model, 1, ECX, bit), "leaf 1 ECX." + bit);
        }
        for (int bit : new int[] {7, 9, 12, 14, 18, 21, 22, 28, 29, 31}) {
            assertFalse(has(model, 1, EDX, bit), "leaf 1 EDX." + bit);
        }
        for (int bit : new int[] {2, 4, 11, 12, 14, 15, 22, 25}) {
            assertFalse(has(model, 7, EBX, bit), "leaf 7 EBX." + bit);
        }
        for (int bit : new int[] {2, 3, 4, 5, 7, 13, 16, 22, 23, 24, 29, 30, 31}) {
            assertFalse(has(model, 7, ECX, bit), "leaf 7 ECX." + bit);
        }
        for (int bit : new int[] {5, 10, 14, 15, 16, 18, 20, 22, 24, 25, 26, 27, 28, 29, 30, 31}) {
            assertFalse(has(model, 7, EDX, bit), "leaf 7 EDX." + bit);
        }
        assertFalse(has(model, 0x8000_0001, EDX, 27), "RDTSCP");
        assertFalse(has(model, 0x8000_0001, EDX, 9), "APIC");
        assertEquals(0, model.leaf(0xd, 1, s)[EAX] & ~1, "XSAVEC, XGETBV(1), XSAVES");
        for (int leaf : new int[] {3, 5, 6, 8, 9, 0xa, 0xc}) {
            assertArrayEquals(new int[4], model.leaf(leaf, 0, s), "leaf " + leaf);
        }
        assertEquals(0, model.leaf(0x8000_0008, 0, s)[EBX] & ~5, "speculation control");
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("hosts")
    void thereIsOneProcessor(String name, HostCpuid host, CpuidModel model) {
        assertEquals(1, model.leaf(1, 0, s)[EBX] >>> 16 & 0xff);
        assertEquals(0, model.leaf(1, 0, s)[EBX] >>> 24);
        assertEquals(0, model.leaf(4, 0, s)[EAX] & ~0x3fff);
        if (model.leaf(0, 0, s)[EAX] >= 0xb) {
            assertArrayEquals(new int[] {0, 1, 0x100, 0}, model.leaf(0xb, 0, s));
            assertArrayEquals(new int[] {0, 1, 0x201, 0}, model.leaf(0xb, 1, s));
            assertArrayEquals(new int[] {0, 0, 2, 0}, model.leaf(0xb, 2, s));
        }
        assertEquals(0, model.leaf(0x8000_0008, 0, s)[ECX]);
        assertEquals(0, model.leaf(0x8000_001d, 0, s)[EAX] & ~0x3fff & (name.equals("Intel") ? 0 : -1));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("hosts")
    void theXsaveLayoutIsTheHosts(String name, HostCpuid host, CpuidModel model) {
        assertEquals(0xe7, model.leaf(0xd, 0, s)[EAX], "no PKRU, no AMX");
        for (int component : new int[] {2, 5, 6, 7}) {
            int[] expected = host.leaf(0xd, component);
            assertArrayEquals(new int[] {expected[0], expected[1], 0, 0}, model.leaf(0xd, component, s));
        }
        for (int component : new int[] {3, 4, 8, 9, 11, 12, 17, 18, 62, 63, 64}) {
            assertArrayEquals(new int[4], model.leaf(0xd, component, s), "component " + component);
        }
        int[] last = host.leaf(0xd, 7);
        assertEquals(last[0] + last[1], model.leaf(0xd, 0, s)[ECX]);
        assertEquals(576, model.leaf(0xd, 0, s)[EBX]);
        s.xcr0 = 7;
        assertEquals(576 + 256, model.leaf(0xd, 0, s)[EBX]);
        s.xcr0 = 0xe7;
        assertEquals(last[0] + last[1], model.leaf(0xd, 0, s)[EBX]);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("hosts")
    void someBitsFollowTheState(String name, HostCpuid host, CpuidModel model) {
        assertFalse(has(model, 1, ECX, 27));
        s.cr4 |= CpuState.CR4_OSXSAVE;
        assertTrue(has(model, 1, ECX, 27));
        assertTrue(has(model, 1, ECX, 17), "PCID is the engine's own");
        assertTrue(has(model, 7, EBX, 9), "and so is fast REP MOVSB");
        assertTrue(has(model, 0x8000_0007, EDX, 8) || name.equals("Intel"), "invariant TSC");
        assertTrue((model.cr4Features() & CpuState.CR4_SMAP) != 0);
    }

    @Test
    void intelTellsTheFrequencies() {
        CpuidModel model = new CpuidModel(HostCpuids.intelServer(), 0x2e7, TSC_HZ);
        int[] ratio = model.leaf(0x15, 0, s);
        assertEquals(TSC_HZ, (long) ratio[ECX] * ratio[EBX] / ratio[EAX]);
        assertEquals(2445, model.leaf(0x16, 0, s)[EAX]);
        assertEquals(0x16, model.leaf(0, 0, s)[EAX]);
        assertTrue(has(model, 0x8000_0007, EDX, 8));
    }

    @Test
    void aHostWithoutXsaveOffersNone() {
        HostCpuid old = (eax, ecx) -> {
            int[] r = HostCpuids.zen4().leaf(eax, ecx);
            if (eax == 1) {
                r[ECX] &= ~(1 << 26 | 1 << 27 | 1 << 28);
            }
            return r;
        };
        CpuidModel model = new CpuidModel(old, 0, TSC_HZ);
        assertEquals(1, model.xcr0Supported());
        assertEquals(0, model.cr4Features() & CpuState.CR4_OSXSAVE);
        assertEquals(576, model.xsaveSize(1));
    }
}
