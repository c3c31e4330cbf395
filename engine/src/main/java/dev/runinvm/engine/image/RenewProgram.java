package dev.runinvm.engine.image;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * The program by which the agent of a guest that comes from a snapshot sets its wall clock and has its kernel's random
 * numbers made afresh: a static ELF executable of a few hundred bytes. For each request on its standard input it calls, and
 * answers one byte in which a bit is set for each call that failed:
 *
 * <pre>
 *   1  clock_settime(CLOCK_REALTIME, request)
 *   2  ioctl(open("/dev/urandom"), RNDADDENTROPY, request + 16)
 *   4  ioctl(..., RNDRESEEDCRNG)
 * </pre>
 */
final class RenewProgram {
    /** A struct timespec and a struct rand_pool_info of 64 bytes. */
    private static final int REQUEST = 16 + 8 + 64;

    private static final long BASE = 0x40_0000;
    private static final int CODE_AT = 64 + 56;
    private static final int DATA_AT = 512;
    private static final int PATH_AT = DATA_AT + REQUEST;
    private static final int FILE_SIZE = 640;

    private static final int RDI_IMMEDIATE = 0xbf;
    private static final int RSI_IMMEDIATE = 0xbe;
    private static final int RDX_IMMEDIATE = 0xba;
    private static final int RAX_IMMEDIATE = 0xb8;

    private static final int SYS_READ = 0;
    private static final int SYS_WRITE = 1;
    private static final int SYS_OPEN = 2;
    private static final int SYS_CLOSE = 3;
    private static final int SYS_IOCTL = 16;
    private static final int SYS_CLOCK_SETTIME = 227;
    private static final int SYS_EXIT_GROUP = 231;
    private static final int O_RDWR = 2;
    private static final int RNDADDENTROPY = 0x4008_5203;
    private static final int RNDRESEEDCRNG = 0x5207;

    private final ByteBuffer b = ByteBuffer.allocate(FILE_SIZE).order(ByteOrder.LITTLE_ENDIAN);

    private RenewProgram() {}

    /** The file. */
    static byte[] make() {
        return new RenewProgram().file();
    }

    private byte[] file() {
        b.put(new byte[] {0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0});
        b.putShort((short) 2).putShort((short) 62).putInt(1); // ET_EXEC, EM_X86_64
        b.putLong(BASE + CODE_AT).putLong(64).putLong(0).putInt(0); // entry, program headers, no sections, no flags
        b.putShort((short) 64).putShort((short) 56).putShort((short) 1);
        b.putShort((short) 64).putShort((short) 0).putShort((short) 0);
        b.putInt(1).putInt(7).putLong(0).putLong(BASE).putLong(BASE); // PT_LOAD, all rights
        b.putLong(FILE_SIZE).putLong(FILE_SIZE).putLong(4096);
        code();
        if (b.position() > DATA_AT) {
            throw new IllegalStateException("the program has grown to " + b.position() + " bytes");
        }
        b.put(PATH_AT, "/dev/urandom\0".getBytes(StandardCharsets.US_ASCII));
        return b.array();
    }

    private void code() {
        int start = b.position();
        call(SYS_READ, 0, address(DATA_AT), REQUEST);
        b.put((byte) 0x3d).putInt(REQUEST); // cmp eax, REQUEST
        b.put((byte) 0x0f).put((byte) 0x85).putInt(0); // jne end
        int jump = b.position();
        bytes(0x31, 0xdb); // xor ebx, ebx
        call(SYS_CLOCK_SETTIME, 0, address(DATA_AT), 0);
        noteFailure(1);
        call(SYS_OPEN, address(PATH_AT), O_RDWR, 0);
        bytes(0x41, 0x89, 0xc4); // mov r12d, eax
        ioctl(RNDADDENTROPY, address(DATA_AT + 16));
        noteFailure(2);
        ioctl(RNDRESEEDCRNG, 0);
        noteFailure(4);
        bytes(0x44, 0x89, 0xe7); // mov edi, r12d
        immediate(RAX_IMMEDIATE, SYS_CLOSE);
        bytes(0x0f, 0x05);
        bytes(0x88, 0x1c, 0x25); // mov [DATA], bl
        b.putInt(address(DATA_AT));
        call(SYS_WRITE, 1, address(DATA_AT), 1);
        b.put((byte) 0xe9).putInt(start - b.position() - 4); // jmp start
        b.putInt(jump - 4, b.position() - jump);
        call(SYS_EXIT_GROUP, 0, 0, 0);
    }

    private static int address(int offset) {
        return (int) BASE + offset;
    }

    private void bytes(int... values) {
        for (int v : values) {
            b.put((byte) v);
        }
    }

    private void immediate(int opcode, int value) {
        b.put((byte) opcode).putInt(value);
    }

    private void call(int number, int first, int second, int third) {
        immediate(RAX_IMMEDIATE, number);
        immediate(RDI_IMMEDIATE, first);
        immediate(RSI_IMMEDIATE, second);
        immediate(RDX_IMMEDIATE, third);
        bytes(0x0f, 0x05); // syscall
    }

    private void ioctl(int request, int argument) {
        bytes(0x44, 0x89, 0xe7); // mov edi, r12d
        immediate(RAX_IMMEDIATE, SYS_IOCTL);
        immediate(RSI_IMMEDIATE, request);
        immediate(RDX_IMMEDIATE, argument);
        bytes(0x0f, 0x05);
    }

    /** If EAX is not 0, sets a bit of EBX. */
    private void noteFailure(int bit) {
        bytes(0x85, 0xc0, 0x74, 0x03, 0x83, 0xcb, bit); // test eax, eax; jz +3; or ebx, bit
    }
}
