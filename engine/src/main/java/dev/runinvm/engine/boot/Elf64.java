package dev.runinvm.engine.boot;

import dev.runinvm.engine.HostLacks;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The headers of a 64-bit little-endian ELF file for x86-64 (System V ABI, chapters 4 and 5). Every offset of the
 * file is checked, so a damaged file ends in a {@link HostLacks} that names it, never in an index out of bounds.
 */
public final class Elf64 {
    public static final int ET_REL = 1;
    public static final int ET_EXEC = 2;
    public static final int ET_DYN = 3;
    public static final int PT_LOAD = 1;
    public static final int PT_DYNAMIC = 2;
    public static final int PT_INTERP = 3;
    public static final int PT_NOTE = 4;

    private static final int MAGIC = 0x464c_457f;
    private static final int EM_X86_64 = 62;
    private static final int HEADER_SIZE = 64;
    private static final int PROGRAM_HEADER_SIZE = 56;
    private static final int SECTION_HEADER_SIZE = 64;

    private final ByteBuffer data;
    private final String name;
    private final int type;
    private final long entry;
    private final List<Segment> segments;

    /**
     * A program header. Sizes and offsets are in bytes and not negative; {@code offset + fileSize} lies in the file.
     *
     * @param virtual p_vaddr
     * @param physical p_paddr
     */
    public record Segment(
            int type, int flags, long offset, long virtual, long physical, long fileSize, long memorySize) {}

    private Elf64(ByteBuffer data, String name) {
        this.data = data;
        this.name = name;
        checkIdentification();
        this.type = data.getShort(16) & 0xffff;
        this.entry = data.getLong(24);
        this.segments = List.copyOf(readSegments());
    }

    /** Whether the bytes start like an ELF file of any kind. */
    public static boolean looksLikeElf(ByteBuffer data) {
        return data.remaining() >= 4
                && data.duplicate().order(ByteOrder.LITTLE_ENDIAN).getInt(data.position()) == MAGIC;
    }

    /**
     * Reads the headers of a file, which stays mapped as long as this object lives.
     *
     * @throws HostLacks if it cannot be read, is no ELF file, damaged, or for another architecture
     */
    public static Elf64 open(Path file) {
        return parse(map(file), file.toString());
    }

    /**
     * Reads the headers of a file in memory.
     *
     * @param data the whole file, from position to limit
     * @param name for messages
     * @throws HostLacks if it is no ELF file, damaged, or for another architecture
     */
    public static Elf64 parse(ByteBuffer data, String name) {
        return new Elf64(data.slice().order(ByteOrder.LITTLE_ENDIAN), name);
    }

    static ByteBuffer map(Path file) {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            if (!Files.isRegularFile(file)) {
                throw new HostLacks(file + " is not a regular file");
            }
            long size = channel.size();
            if (size > Integer.MAX_VALUE) {
                throw new HostLacks(file + " is too large: " + size + " bytes, at most 2 GiB are read");
            }
            return channel.map(FileChannel.MapMode.READ_ONLY, 0, size).order(ByteOrder.LITTLE_ENDIAN);
        } catch (NoSuchFileException e) {
            throw new HostLacks(file + " does not exist", e);
        } catch (IOException e) {
            throw new HostLacks("cannot read " + file + ": " + e.getMessage(), e);
        }
    }

    private void checkIdentification() {
        if (!looksLikeElf(data)) {
            throw new HostLacks(name + " is not an ELF file");
        }
        if (data.remaining() < HEADER_SIZE) {
            throw new HostLacks(name + " is truncated: " + data.remaining() + " bytes, an ELF header has 64");
        }
        int bits = data.get(4);
        int machine = data.getShort(18) & 0xffff;
        if (bits != 2 || data.get(5) != 1 || machine != EM_X86_64) {
            throw new HostLacks(name + " is for another architecture: " + (bits == 1 ? "32-bit " : "")
                    + architecture(machine) + "; an x86-64 file is needed");
        }
    }

    private static String architecture(int machine) {
        return switch (machine) {
            case 3 -> "i386";
            case 8 -> "MIPS";
            case 20, 21 -> "PowerPC";
            case 22 -> "s390";
            case 40 -> "ARM";
            case EM_X86_64 -> "x86";
            case 183 -> "ARM64 (aarch64)";
            case 243 -> "RISC-V";
            case 258 -> "LoongArch";
            default -> "ELF machine " + machine;
        };
    }

    private List<Segment> readSegments() {
        long at = data.getLong(32);
        int size = data.getShort(54) & 0xffff;
        int count = data.getShort(56) & 0xffff;
        if (count > 0 && size != PROGRAM_HEADER_SIZE) {
            throw new HostLacks(name + " is damaged: program headers of " + size + " bytes instead of 56");
        }
        ByteBuffer table = slice(at, (long) count * size, "program headers");
        List<Segment> result = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            int p = i * size;
            Segment s = new Segment(
                    table.getInt(p),
                    table.getInt(p + 4),
                    table.getLong(p + 8),
                    table.getLong(p + 16),
                    table.getLong(p + 24),
                    table.getLong(p + 32),
                    table.getLong(p + 40));
            slice(s.offset, s.fileSize, "segment " + i);
            if (s.memorySize < 0 || s.type == PT_LOAD && s.memorySize < s.fileSize) {
                throw new HostLacks(name + " is damaged: segment " + i + " is larger in the file than in memory");
            }
            result.add(s);
        }
        return result;
    }

    /** A part of the file, little-endian. */
    public ByteBuffer slice(long offset, long length, String what) {
        if (offset < 0 || length < 0 || offset > data.limit() || length > data.limit() - offset) {
            throw new HostLacks(name + " is truncated or damaged: its " + what + " should be " + length
                    + " bytes at offset " + offset + ", the file has " + data.limit());
        }
        return data.slice((int) offset, (int) length).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** The bytes of a segment that are in the file. */
    public ByteBuffer content(Segment segment) {
        return slice(segment.offset, segment.fileSize, "segment");
    }

    /** The first section of a name, if the file has a section table and this section. */
    public Optional<ByteBuffer> section(String wanted) {
        long at = data.getLong(40);
        int size = data.getShort(58) & 0xffff;
        int count = data.getShort(60) & 0xffff;
        int namesIndex = data.getShort(62) & 0xffff;
        if (at == 0 || count == 0 || size != SECTION_HEADER_SIZE || namesIndex >= count) {
            return Optional.empty();
        }
        ByteBuffer table = slice(at, (long) count * size, "section headers");
        ByteBuffer names = sectionContent(table, namesIndex);
        for (int i = 0; i < count; i++) {
            int nameAt = table.getInt(i * size);
            if (nameAt >= 0 && nameAt < names.limit() && string(names, nameAt).equals(wanted)) {
                return Optional.of(sectionContent(table, i));
            }
        }
        return Optional.empty();
    }

    private ByteBuffer sectionContent(ByteBuffer table, int index) {
        int p = index * SECTION_HEADER_SIZE;
        return slice(table.getLong(p + 24), table.getLong(p + 32), "section " + index);
    }

    /** The zero-terminated ASCII string at an index; it ends at the buffer's limit at the latest. */
    public static String string(ByteBuffer buffer, int index) {
        int end = index;
        while (end < buffer.limit() && buffer.get(end) != 0) {
            end++;
        }
        byte[] bytes = new byte[end - index];
        buffer.get(index, bytes);
        return new String(bytes, StandardCharsets.ISO_8859_1);
    }

    /** The whole file. */
    public ByteBuffer data() {
        return data.duplicate().order(ByteOrder.LITTLE_ENDIAN);
    }

    /** The name given for messages. */
    public String name() {
        return name;
    }

    /** e_type: {@link #ET_REL}, {@link #ET_EXEC}, {@link #ET_DYN}, ... */
    public int type() {
        return type;
    }

    /** e_entry. */
    public long entry() {
        return entry;
    }

    /** Program headers in file order. */
    public List<Segment> segments() {
        return segments;
    }
}
