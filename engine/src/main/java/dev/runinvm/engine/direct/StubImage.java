package dev.runinvm.engine.direct;

import dev.runinvm.engine.os.MemFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** The stub's static ELF executable: a header page that is not mapped and one page of code. */
final class StubImage {
    private StubImage() {}

    /** Makes an executable memory file whose code page is mapped, readable and executable, at {@code base}. */
    static MemFile create(StubCode code, long base) {
        ByteBuffer b = ByteBuffer.allocate(8192).order(ByteOrder.LITTLE_ENDIAN);
        b.put(new byte[] {0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0});
        b.putShort((short) 2).putShort((short) 62).putInt(1); // ET_EXEC, EM_X86_64
        b.putLong(base).putLong(64).putLong(0).putInt(0); // e_entry, e_phoff, e_shoff, e_flags
        b.putShort((short) 64).putShort((short) 56).putShort((short) 2); // e_ehsize, e_phentsize, e_phnum
        b.putShort((short) 64).putShort((short) 0).putShort((short) 0);
        header(b, 1, 5, 4096, base, ControlPage.CODE_SIZE); // PT_LOAD, R+X
        header(b, 0x6474_e551, 6, 0, 0, 0); // PT_GNU_STACK, R+W: no executable stack
        b.position(4096);
        b.put(code.page());
        return MemFile.executable("runinvm-stub", b.array());
    }

    private static void header(ByteBuffer b, int type, int flags, long offset, long address, long size) {
        b.putInt(type).putInt(flags).putLong(offset).putLong(address).putLong(address);
        b.putLong(size).putLong(size).putLong(4096);
    }
}
