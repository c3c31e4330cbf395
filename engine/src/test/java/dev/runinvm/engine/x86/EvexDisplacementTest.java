package dev.runinvm.engine.x86;

import java.util.HexFormat;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import static org.junit.jupiter.api.Assertions.assertEquals;

/** Bytes as an assembler makes them, each with a one-byte displacement of 2 from RAX. */
class EvexDisplacementTest {
    @ParameterizedTest(name = "{0}")
    @CsvSource({
        "'vmovdqu64 zmm0, [rax]', 62f1fe486f4002, 64",
        "'vmovdqu64 xmm0, [rax]', 62f1fe086f4002, 16",
        "'vpaddd zmm0, zmm0, dword [rax]{1to16}', 62f17d58fe4002, 4",
        "'vpaddq zmm0, zmm0, qword [rax]{1to8}', 62f1fd58d44002, 8",
        "'vbroadcasti32x4 zmm0, [rax]', 62f27d485a4002, 16",
        "'vbroadcasti64x4 zmm0, [rax]', 62f2fd485b4002, 32",
        "'vpbroadcastd zmm0, [rax]', 62f27d48584002, 4",
        "'vpbroadcastb zmm0, [rax]', 62f27d48784002, 1",
        "'vpmovzxbw zmm0, [rax]', 62f27d48304002, 32",
        "'vpmovzxbq zmm0, [rax]', 62f27d48324002, 8",
        "'vpmovqb [rax], zmm0', 62f27e48324002, 8",
        "'vextracti32x4 [rax], zmm0, 1', 62f37d4839400201, 16",
        "'vinserti64x4 zmm0, zmm0, [rax], 1', 62f3fd483a400201, 32",
        "'vmovss xmm16, [rax]', 62e17e08104002, 4",
        "'vmovsd xmm16, [rax]', 62e1ff08104002, 8",
        "'vmovd xmm16, [rax]', 62e17d086e4002, 4",
        "'vmovq xmm16, [rax]', 62e1fd086e4002, 8",
        "'vcvtps2pd zmm0, [rax]', 62f17c485a4002, 32",
        "'vcvtps2pd zmm0, dword [rax]{1to8}', 62f17c585a4002, 4",
        "'vpsrld zmm0, zmm0, [rax]', 62f17d48d24002, 16",
        "'vfmadd231sd xmm0, xmm0, [rax]', 62f2fd08b94002, 8",
        "'vpclmulqdq zmm0, zmm0, [rax], 0', 62f37d4844400200, 64",
    })
    void itCountsInOperands(String text, String hex, int operand) {
        byte[] bytes = HexFormat.of().parseHex(hex);
        Decoder decoder = new Decoder();
        assertEquals(bytes.length, decoder.decode(bytes, 0, bytes.length, 0), text);
        VectorForm.scaled(decoder);
        assertEquals(2L * operand, decoder.displacement, text);
        VectorForm.scaled(decoder);
        assertEquals(2L * operand, decoder.displacement, "once only");
    }
}
