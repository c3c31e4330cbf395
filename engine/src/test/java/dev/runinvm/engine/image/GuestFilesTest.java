package dev.runinvm.engine.image;

import dev.runinvm.engine.HostLacks;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.apache.commons.compress.archivers.cpio.CpioArchiveEntry;
import org.apache.commons.compress.archivers.cpio.CpioArchiveInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** {@link FileTree} and what it becomes: a cpio archive and an EROFS image, read back. */
class GuestFilesTest {
    @TempDir
    Path directory;

    private final FileTree tree = new FileTree();

    private Path hostFile(String name, int size, long seconds) throws IOException {
        byte[] content = new byte[size];
        new Random(size).nextBytes(content);
        Path file = Files.write(directory.resolve(name), content);
        Files.setLastModifiedTime(file, FileTime.fromMillis(seconds * 1000));
        return file;
    }

    private byte[] cpio() throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        CpioWriter.write(tree, out, "writing", Progress.NONE);
        return out.toByteArray();
    }

    @Test
    void aCpioArchiveHoldsContentModesTimesLinksAndDevices() throws IOException {
        Path host = hostFile("modules", 100_001, 1_600_000_000);
        assertTrue(host.toFile().setExecutable(true));
        tree.hostFile("usr/lib/java/modules", host);
        tree.link("bin", "usr/bin");
        tree.file("etc/hostname", 0644, "vm\n");
        tree.directory("tmp", 01777);
        tree.characterDevice("dev/console", 0600, 5, 1);
        byte[] archive = cpio();

        assertEquals("070701", new String(archive, 0, 6, StandardCharsets.US_ASCII));
        Map<String, String> found = new TreeMap<>();
        List<Long> inodes = new ArrayList<>();
        try (CpioArchiveInputStream in = new CpioArchiveInputStream(new ByteArrayInputStream(archive))) {
            CpioArchiveEntry e;
            while ((e = in.getNextEntry()) != null) {
                byte[] content = in.readAllBytes();
                inodes.add(e.getInode());
                String shown = content.length > 100
                        ? Arrays.equals(content, Files.readAllBytes(host)) ? "the host's" : "other"
                        : new String(content, StandardCharsets.UTF_8);
                String device = e.getRemoteDeviceMaj() + ":" + e.getRemoteDeviceMin();
                found.put(
                        e.getName(),
                        String.format(
                                "%o %d %d:%d %s %s", e.getMode(), e.getTime(), e.getUID(), e.getGID(), device, shown));
            }
        }
        assertEquals("100755 1600000000 0:0 0:0 the host's", found.get("usr/lib/java/modules"));
        assertEquals("120777 0 0:0 0:0 usr/bin", found.get("bin"));
        assertEquals("100644 0 0:0 0:0 vm\n", found.get("etc/hostname"));
        assertEquals("41777 0 0:0 0:0 ", found.get("tmp"));
        assertEquals("20600 0 0:0 5:1 ", found.get("dev/console"));
        assertEquals("40755 0 0:0 0:0 ", found.get("usr/lib"));
        assertEquals(found.size(), inodes.stream().distinct().count());
        List<String> names = new ArrayList<>(tree.nodes().keySet());
        assertTrue(names.indexOf("usr") < names.indexOf("usr/lib/java/modules"), "directories first");
    }

    @Test
    void theSameInputGivesTheSameImageAndKey() throws IOException {
        tree.hostFile("a/b", hostFile("b", 5000, 1_600_000_000));
        FileTree other = new FileTree();
        other.hostFile("a/b", directory.resolve("b"));
        assertEquals(tree.key(), other.key());
        byte[] first = erofs();
        assertArrayEquals(first, erofs());
        Files.setLastModifiedTime(directory.resolve("b"), FileTime.fromMillis(1_700_000_000_000L));
        FileTree touched = new FileTree();
        touched.hostFile("a/b", directory.resolve("b"));
        assertTrue(!touched.key().equals(other.key()));
    }

    @Test
    void whatCannotBeCopiedIsNamed() throws IOException {
        Path missing = directory.resolve("missing");
        assertTrue(assertThrows(HostLacks.class, () -> tree.hostFile("x", missing))
                .getMessage()
                .contains(missing.toString()));
        assertTrue(assertThrows(HostLacks.class, () -> tree.hostFile("x", directory))
                .getMessage()
                .contains("not a regular file"));
        tree.file("etc", 0644, "a file");
        assertThrows(HostLacks.class, () -> tree.file("etc/passwd", 0644, ""));
        assertThrows(IllegalArgumentException.class, () -> tree.file("/etc/passwd", 0644, ""));
    }

    @Test
    void aFileThatChangesWhileItIsCopiedIsNoticed() throws IOException {
        Path file = hostFile("f", 100, 1);
        tree.hostFile("f", file);
        Files.write(file, new byte[50]);
        assertTrue(assertThrows(IOException.class, this::cpio).getMessage().contains("changed while it was copied"));
    }

    private byte[] erofs() throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ErofsWriter.write(tree, out, "writing", Progress.NONE);
        return out.toByteArray();
    }

    /** Reads an image as fs/erofs/{super,inode,namei,dir}.c of Linux do. */
    private static final class ErofsReader {
        private final ByteBuffer b;
        private final Map<String, String> found = new TreeMap<>();

        ErofsReader(byte[] image) {
            b = ByteBuffer.wrap(image).order(ByteOrder.LITTLE_ENDIAN);
            assertEquals(0, image.length % 4096);
            assertEquals(0xE0F5E1E2, b.getInt(1024));
            assertEquals(12, b.get(1024 + 12));
            assertEquals(image.length / 4096, b.getInt(1024 + 36));
            directory("", b.getShort(1024 + 14) & 0xffff);
        }

        private int inode(long nid) {
            int at = (int) (nid * 32);
            assertEquals(1, b.getShort(at), "extended, flat plain");
            return at;
        }

        private byte[] content(int inode) {
            byte[] content = new byte[(int) b.getLong(inode + 8)];
            b.get(b.getInt(inode + 16) * 4096, content);
            return content;
        }

        private void directory(String path, long nid) {
            byte[] content = content(inode(nid));
            byte[] previous = {};
            for (int block = 0; block < content.length; block += 4096) {
                int end = Math.min(content.length - block, 4096);
                ByteBuffer d = ByteBuffer.wrap(content, block, end).slice().order(ByteOrder.LITTLE_ENDIAN);
                int entries = (d.getShort(8) & 0xffff) / 12;
                for (int i = 0; i < entries; i++) {
                    int nameAt = d.getShort(i * 12 + 8) & 0xffff;
                    int nameEnd = i + 1 < entries ? d.getShort(i * 12 + 20) & 0xffff : end;
                    while (nameEnd > nameAt && d.get(nameEnd - 1) == 0) {
                        nameEnd--;
                    }
                    byte[] name = new byte[nameEnd - nameAt];
                    d.get(nameAt, name);
                    assertTrue(Arrays.compareUnsigned(previous, name) < 0, "sorted over all blocks");
                    previous = name;
                    entry(path + new String(name, StandardCharsets.UTF_8), d.getLong(i * 12), d.get(i * 12 + 10), nid);
                }
            }
        }

        private void entry(String path, long nid, int type, long parent) {
            String name = path.substring(path.lastIndexOf('/') + 1);
            if (name.equals(".")) {
                assertEquals(parent, nid);
                return;
            }
            if (name.equals("..")) {
                return;
            }
            int inode = inode(nid);
            int mode = b.getShort(inode + 4) & 0xffff;
            int expectedType = switch (mode & 0170000) {
                case 0040000 -> 2;
                case 0120000 -> 7;
                case 0020000 -> 3;
                default -> 1;
            };
            assertEquals(expectedType, type);
            String shown = "";
            if (type == 2) {
                directory(path + "/", nid);
            } else if (type == 7) {
                shown = new String(content(inode), StandardCharsets.UTF_8);
            } else if (type == 1) {
                shown = Keys.of(new String(content(inode), StandardCharsets.ISO_8859_1));
            }
            found.put(path, String.format("%o %d %s", mode, b.getLong(inode + 32), shown));
        }
    }

    @Test
    void anErofsImageHoldsTheSame() throws IOException {
        Path host = hostFile("modules", 100_001, 1_600_000_000);
        tree.hostFile("lib/modules", host);
        tree.link("link", "lib/modules");
        tree.file("empty", 0600, "");
        tree.file("exact", 0644, "x".repeat(4096));
        tree.directory("lib/void", 0700);
        Map<String, String> found = new ErofsReader(erofs()).found;

        String hash = Keys.of(Files.readString(host, StandardCharsets.ISO_8859_1));
        assertEquals("100644 1600000000 " + hash, found.get("lib/modules"));
        assertEquals("120777 0 lib/modules", found.get("link"));
        assertEquals("100600 0 " + Keys.of(""), found.get("empty"));
        assertEquals("100644 0 " + Keys.of("x".repeat(4096)), found.get("exact"));
        assertEquals("40700 0 ", found.get("lib/void"));
        assertEquals(6, found.size());
    }

    @Test
    void largeDirectoriesGoOverSeveralBlocks() throws IOException {
        for (int i = 0; i < 2000; i++) {
            tree.file("d/" + "n".repeat(i % 200) + (char) (0xe0 + i % 5) + i, 0644, "content " + i);
        }
        Map<String, String> found = new ErofsReader(erofs()).found;
        assertEquals(2001, found.size());
        for (String path : tree.nodes().keySet()) {
            assertTrue(found.containsKey(path), path);
        }
    }
}
