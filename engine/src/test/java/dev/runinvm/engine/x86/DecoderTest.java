package dev.runinvm.engine.x86;

import java.util.Arrays;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

/** Lengths and operands; the lengths were compared with a disassembler's over whole kernels. */
class DecoderTest {
    private static final long ADDRESS = 0xffff_ffff_8100_0000L;

    private final Decoder d = new Decoder();

    private int decode(String hex) {
        byte[] bytes = HexFormat.of().parseHex(hex.replace(" ", ""));
        return d.decode(Arrays.copyOf(bytes, bytes.length + 15), 0, bytes.length + 15, ADDRESS);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "90",
                "f3 90",
                "0f 1f 84 00 00 00 00 00",
                "66 2e 0f 1f 84 00 00 00 00 00",
                "48 b8 01 02 03 04 05 06 07 08",
                "66 b8 01 02",
                "b8 01 02 03 04",
                "c8 10 00 01",
                "f6 00 01",
                "f6 10",
                "f7 00 01 02 03 04",
                "66 f7 00 01 02",
                "f7 18",
                "a1 01 02 03 04 05 06 07 08",
                "67 a1 01 02 03 04",
                "8b 04 25 01 02 03 04",
                "8b 05 01 02 03 04",
                "42 8b 44 25 00",
                "65 48 8b 04 25 28 00 00 00",
                "0f ba e0 05",
                "0f a4 c1 05",
                "e8 01 02 03 04",
                "66 0f 38 82 00",
                "66 0f 3a 0f c1 08",
                "c5 f8 77",
                "c4 e2 7b f6 c1",
                "c4 e3 7b f0 c1 05",
                "c5 f9 70 c1 1b",
                "62 f1 65 08 72 c3 10",
                "62 72 4d 28 76 c7",
                "62 f1 7c 48 10 44 24 01",
                "0f 01 f8",
                "0f 20 c0",
                "0f c7 08",
                "f0 48 0f c7 0f",
                "cd 80",
                "c2 08 00",
                "9b",
                "db e3",
                "48 0f ae 27",
                "0f 0d 08",
                "0f ff c1",
                "48 69 c1 01 02 03 04"
            })
    void lengths(String hex) {
        assertEquals(hex.replace(" ", "").length() / 2, decode(hex));
        assertNotEquals(0, InsnFactory.create(d).length);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "06",
                "0e",
                "27",
                "37",
                "60",
                "82 c0 01",
                "9a",
                "c6 c8 01",
                "8f c8",
                "8d c0",
                "8e c8",
                "ce",
                "d4 0a",
                "d6",
                "ea",
                "f0 90",
                "fe d0",
                "ff f8",
                "ff d8 ",
                "0f 04",
                "0f 0a",
                "0f 0b",
                "0f 24 c0",
                "0f 36",
                "0f a6",
                "0f b8 c0",
                "0f b9 c0",
                "0f ba c0 01",
                "0f c7 c8",
                "0f 20 c8",
                "66 c5 f8 77",
                "0f 00 f0"
            })
    void undefinedOpcodesAreDecodedIntoFaults(String hex) {
        decode(hex);
        assertInstanceOf(SystemForms.Fault.class, InsnFactory.create(d), hex);
    }

    @Test
    void ripRelativeAddressesCountFromTheNextInstruction() {
        assertEquals(11, decode("48 c7 05 10 00 00 00 01 00 00 00")); // mov qword [rip+0x10], 1
        assertEquals(ADDRESS + 11 + 0x10, d.displacement);
        assertEquals(1, d.immediate);
        assertEquals(6, decode("ff 25 f0 ff ff ff")); // jmp [rip-0x10]
        assertEquals(ADDRESS + 6 - 0x10, d.displacement);
    }

    @Test
    void aRexPrefixCountsOnlyRightBeforeTheOpcode() {
        assertEquals(4, decode("48 66 89 c8"));
        assertEquals(2, d.size);
        assertEquals(4, decode("66 48 89 c8"));
        assertEquals(8, d.size);
    }

    @Test
    void branchesIgnoreTheOperandSizePrefix() {
        assertEquals(6, decode("66 e9 01 02 03 04"));
        assertEquals(ADDRESS + 6 + 0x04030201, d.target());
    }

    @Test
    void whatEndsTooSoonIsTruncatedAndWhatIsTooLongIsToo() {
        byte[] bytes = HexFormat.of().parseHex("48b80102030405060708");
        for (int n = 0; n < bytes.length; n++) {
            assertEquals(Decoder.TRUNCATED, d.decode(bytes, 0, n, ADDRESS));
        }
        byte[] prefixes = new byte[20];
        Arrays.fill(prefixes, (byte) 0x66);
        assertEquals(Decoder.TOO_LONG, d.decode(prefixes, 0, 20, ADDRESS));
        assertEquals(Decoder.TRUNCATED, d.decode(prefixes, 0, 14, ADDRESS));
    }

    /** Any bytes at all decode into something, without a mishap. */
    @Test
    void hostileBytesDoNoHarm() {
        Random random = new Random(1);
        byte[] bytes = new byte[15];
        for (int i = 0; i < 300_000; i++) {
            random.nextBytes(bytes);
            int length = d.decode(bytes, 0, bytes.length, ADDRESS);
            if (length > 0) {
                assertEquals(length, InsnFactory.create(d).length);
            } else {
                assertEquals(Decoder.TOO_LONG, length);
            }
        }
    }
}
