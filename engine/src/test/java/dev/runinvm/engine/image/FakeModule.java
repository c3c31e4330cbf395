package dev.runinvm.engine.image;

import dev.runinvm.engine.boot.FakeKernel;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** Makes relocatable ELF files with a .modinfo section, as kernel modules have. */
final class FakeModule {
    private FakeModule() {}

    static byte[] of(String... modinfo) {
        byte[] info = (String.join("\0", modinfo) + "\0").getBytes(StandardCharsets.ISO_8859_1);
        byte[] names = "\0.modinfo\0.shstrtab\0".getBytes(StandardCharsets.ISO_8859_1);
        byte[] header = FakeKernel.header(2, 62, 1, 0).array();
        int infoAt = header.length;
        int namesAt = infoAt + info.length;
        int tableAt = namesAt + names.length;
        ByteBuffer b = ByteBuffer.allocate(tableAt + 3 * 64).order(ByteOrder.LITTLE_ENDIAN);
        b.put(0, header).put(infoAt, info).put(namesAt, names);
        b.putLong(40, tableAt).putShort(58, (short) 64).putShort(60, (short) 3).putShort(62, (short) 2);
        section(b, tableAt + 64, 1, infoAt, info.length);
        section(b, tableAt + 128, 10, namesAt, names.length);
        return b.array();
    }

    private static void section(ByteBuffer b, int at, int name, int offset, int size) {
        b.putInt(at, name).putLong(at + 24, offset).putLong(at + 32, size);
    }

    /** As scripts/sign-file of Linux appends it. */
    static byte[] signed(byte[] module, int signatureSize) {
        byte[] magic = "~Module signature appended~\n".getBytes(StandardCharsets.US_ASCII);
        ByteBuffer b = ByteBuffer.allocate(module.length + signatureSize + 12 + magic.length);
        b.put(module).position(module.length + signatureSize + 8);
        return b.putInt(signatureSize).put(magic).array();
    }
}
