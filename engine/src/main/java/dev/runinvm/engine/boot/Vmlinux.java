package dev.runinvm.engine.boot;

import dev.runinvm.engine.HostLacks;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** An uncompressed x86-64 kernel: an ELF file whose segments say where they want to be in physical memory. */
public final class Vmlinux {
    private static final byte[] BANNER = "Linux version ".getBytes(StandardCharsets.ISO_8859_1);

    private final Elf64 elf;
    private final @Nullable SetupHeader setupHeader;
    private final List<Elf64.Segment> loadable;
    private final List<Note> notes;

    /**
     * An ELF note.
     *
     * @param name owner, such as {@code Xen}
     * @param type its meaning within the owner; for Xen see xen/include/public/elfnote.h
     * @param description the raw bytes
     */
    public record Note(String name, int type, byte[] description) {}

    private Vmlinux(Elf64 elf, @Nullable SetupHeader setupHeader) {
        this.elf = elf;
        this.setupHeader = setupHeader;
        if (elf.type() != Elf64.ET_EXEC && elf.type() != Elf64.ET_DYN) {
            throw new HostLacks(elf.name() + " is an ELF file but not a kernel: e_type is " + elf.type());
        }
        loadable = elf.segments().stream()
                .filter(s -> s.type() == Elf64.PT_LOAD && s.memorySize() > 0)
                .toList();
        if (loadable.isEmpty()) {
            throw new HostLacks(elf.name() + " is an ELF file but not a kernel: it has nothing to load");
        }
        boolean kernelHalf = loadable.stream().anyMatch(s -> s.virtual() < 0);
        if (!kernelHalf) {
            throw new HostLacks(elf.name() + " is an ELF program but not a kernel: nothing of it is linked to the"
                    + " kernel half of the address space");
        }
        notes = List.copyOf(readNotes());
    }

    /**
     * Reads the headers of a vmlinux, which stays mapped as long as this object lives.
     *
     * @param setupHeader that of the bzImage it came from, or null
     * @throws HostLacks if it cannot be read, is damaged, no kernel, or for another architecture
     */
    public static Vmlinux open(Path file, @Nullable SetupHeader setupHeader) {
        return new Vmlinux(Elf64.open(file), setupHeader);
    }

    /** As {@link #open}, of a file in memory. */
    public static Vmlinux parse(ByteBuffer data, String name, @Nullable SetupHeader setupHeader) {
        return new Vmlinux(Elf64.parse(data, name), setupHeader);
    }

    private List<Note> readNotes() {
        List<Note> result = new ArrayList<>();
        for (Elf64.Segment s : elf.segments()) {
            if (s.type() != Elf64.PT_NOTE) {
                continue;
            }
            ByteBuffer b = elf.content(s);
            int at = 0;
            while (b.limit() - at >= 12) {
                long nameSize = b.getInt(at) & 0xffff_ffffL;
                long size = b.getInt(at + 4) & 0xffff_ffffL;
                int type = b.getInt(at + 8);
                long descriptionAt = at + 12 + (nameSize + 3 & ~3L);
                long next = descriptionAt + (size + 3 & ~3L);
                if (descriptionAt + size > b.limit()) {
                    throw new HostLacks(elf.name() + " is damaged: a note reaches over its segment's end");
                }
                byte[] description = new byte[(int) size];
                b.get((int) descriptionAt, description);
                String owner = Elf64.string(b.slice(at + 12, (int) nameSize), 0);
                result.add(new Note(owner, type, description));
                at = (int) Math.min(next, b.limit());
            }
        }
        return result;
    }

    /** The ELF file. */
    public Elf64 elf() {
        return elf;
    }

    /** e_entry: the physical address of startup_64. */
    public long entry() {
        return elf.entry();
    }

    /** What is to be loaded, in file order. */
    public List<Elf64.Segment> segments() {
        return loadable;
    }

    /** Lowest physical address of a segment. */
    public long physicalStart() {
        return loadable.stream().mapToLong(Elf64.Segment::physical).min().orElseThrow();
    }

    /** First physical address behind all segments, their zero-filled parts included. */
    public long physicalEnd() {
        return loadable.stream()
                .mapToLong(s -> s.physical() + s.memorySize())
                .max()
                .orElseThrow();
    }

    /** All notes in file order. */
    public List<Note> notes() {
        return notes;
    }

    /** The first note of an owner and type. */
    public Optional<Note> note(String owner, int type) {
        return notes.stream()
                .filter(n -> n.type() == type && n.name().equals(owner))
                .findFirst();
    }

    /** The setup header of the bzImage it came from. */
    public Optional<SetupHeader> setupHeader() {
        return Optional.ofNullable(setupHeader);
    }

    /** The kernel release from the text {@code Linux version ...} in the file. */
    public Optional<String> release() {
        for (Elf64.Segment s : loadable) {
            ByteBuffer b = elf.content(s);
            for (int i = 0; i + BANNER.length < b.limit(); i++) {
                if (b.get(i) == 'L' && matches(b, i)) {
                    String release = Elf64.string(b, i + BANNER.length).split("[ \n]", 2)[0];
                    if (!release.isEmpty() && Character.isDigit(release.charAt(0))) {
                        return Optional.of(release);
                    }
                }
            }
        }
        return Optional.empty();
    }

    private static boolean matches(ByteBuffer b, int at) {
        for (int i = 1; i < BANNER.length; i++) {
            if (b.get(at + i) != BANNER[i]) {
                return false;
            }
        }
        return true;
    }
}
