package dev.runinvm.engine.image;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Writes files as an EROFS image (fs/erofs/erofs_fs.h of Linux): uncompressed and each file in whole blocks, so that
 * a guest can map it straight from memory (DAX) instead of unpacking a copy. Every Linux since 5.4 reads it, with DAX
 * since 5.15.
 *
 * <p>Order in the image: superblock, inodes (extended, 64 bytes each), directories, content.
 */
final class ErofsWriter {
    static final int BLOCK = 4096;

    private static final int SUPERBLOCK_AT = 1024;
    private static final int MAGIC = 0xE0F5_E1E2;
    private static final int SUPERBLOCK_SIZE = 128;
    private static final int INODE_SIZE = 64;
    private static final int SLOT = 32;
    private static final int FIRST_INODE_AT = SUPERBLOCK_AT + SUPERBLOCK_SIZE;
    private static final int DIRENT_SIZE = 12;
    private static final int FEATURE_COMPAT_MTIME = 2;
    private static final int FORMAT_EXTENDED_PLAIN = 1;
    private static final int TYPE_FILE = 1;
    private static final int TYPE_DIRECTORY = 2;
    private static final int TYPE_CHARACTER_DEVICE = 3;
    private static final int TYPE_LINK = 7;

    /** An inode being laid out. Children are sorted as the kernel searches them: by unsigned bytes of the name. */
    private static final class Inode {
        private final FileTree.Node node;
        private final int number;
        private final Map<byte[], Inode> children = new TreeMap<>(Arrays::compareUnsigned);
        private Inode parent;
        private byte[] directory = {};
        private long firstBlock;

        Inode(FileTree.Node node, int number) {
            this.node = node;
            this.number = number;
            this.parent = this;
        }

        /** Number in units of 32 bytes from the start of the metadata area, which is the start of the image. */
        long nid() {
            return (FIRST_INODE_AT + (long) number * INODE_SIZE) / SLOT;
        }

        long size() {
            return node.isDirectory() ? directory.length : node.size();
        }

        int links() {
            return node.isDirectory()
                    ? 2
                            + (int) children.values().stream()
                                    .filter(c -> c.node.isDirectory())
                                    .count()
                    : 1;
        }

        int type() {
            if (node.isDirectory()) {
                return TYPE_DIRECTORY;
            }
            return node.isLink() ? TYPE_LINK : node.isFile() ? TYPE_FILE : TYPE_CHARACTER_DEVICE;
        }
    }

    private final List<Inode> inodes = new ArrayList<>();

    private ErofsWriter() {}

    /** Writes the image, a multiple of {@link #BLOCK} bytes. The stream stays open. */
    static void write(FileTree tree, OutputStream out, String phase, Progress progress) throws IOException {
        new ErofsWriter().writeImage(tree, out, new Steps(phase, tree.totalSize(), progress));
    }

    private void writeImage(FileTree tree, OutputStream out, Steps steps) throws IOException {
        buildInodes(tree);
        long blocks = layOut();
        writeMetadata(out, blocks);
        for (Inode inode : inodes) {
            if (inode.node.isDirectory()) {
                out.write(inode.directory);
                pad(out, inode.directory.length);
            }
        }
        for (Inode inode : inodes) {
            if (!inode.node.isDirectory() && inode.size() > 0) {
                inode.node.writeTo(out);
                pad(out, inode.size());
                steps.add(inode.size());
            }
        }
        steps.end();
    }

    private void buildInodes(FileTree tree) {
        FileTree rootOnly = new FileTree();
        rootOnly.directory("root", 0755);
        Inode root = add(rootOnly.nodes().values().iterator().next());
        Map<String, Inode> byPath = new TreeMap<>();
        byPath.put("", root);
        tree.nodes().forEach((path, node) -> {
            int slash = path.lastIndexOf('/');
            Inode parent = byPath.get(slash < 0 ? "" : path.substring(0, slash));
            if (parent == null) {
                throw new IllegalStateException("no directory above " + path);
            }
            Inode inode = add(node);
            inode.parent = parent;
            byte[] name = path.substring(slash + 1).getBytes(StandardCharsets.UTF_8);
            if (name.length > 255) {
                throw new IllegalArgumentException("file name too long: " + path);
            }
            parent.children.put(name, inode);
            byPath.put(path, inode);
        });
    }

    private Inode add(FileTree.Node node) {
        Inode inode = new Inode(node, inodes.size());
        inodes.add(inode);
        return inode;
    }

    /** Gives everything its place; answers with the image's size in blocks. */
    private long layOut() throws IOException {
        long next = blocks(FIRST_INODE_AT + (long) inodes.size() * INODE_SIZE);
        for (Inode inode : inodes) {
            if (inode.node.isDirectory()) {
                inode.directory = directory(inode);
                inode.firstBlock = next;
                next += blocks(inode.directory.length);
            }
        }
        for (Inode inode : inodes) {
            if (!inode.node.isDirectory()) {
                inode.firstBlock = next;
                next += blocks(inode.size());
            }
        }
        if (next > Integer.MAX_VALUE) {
            throw new IOException("the file system becomes too large: " + next + " blocks");
        }
        return next;
    }

    private static long blocks(long bytes) {
        return (bytes + BLOCK - 1) / BLOCK;
    }

    /**
     * A directory's content: in each block first the fixed entries, then their names. The kernel knows their number
     * by the first one's name offset, and the last name's end by the block's end or a zero.
     */
    private static byte[] directory(Inode inode) {
        Map<byte[], Inode> entries = new TreeMap<>(Arrays::compareUnsigned);
        entries.putAll(inode.children);
        entries.put(new byte[] {'.'}, inode);
        entries.put(new byte[] {'.', '.'}, inode.parent);
        List<byte[]> names = new ArrayList<>(entries.keySet());
        List<Inode> targets = new ArrayList<>(entries.values());
        ByteBuffer all = ByteBuffer.allocate(0).order(ByteOrder.LITTLE_ENDIAN);
        int from = 0;
        while (from < names.size()) {
            int to = from;
            int used = 0;
            while (to < names.size() && used + DIRENT_SIZE + names.get(to).length <= BLOCK) {
                used += DIRENT_SIZE + names.get(to++).length;
            }
            boolean last = to == names.size();
            ByteBuffer block = ByteBuffer.allocate(last ? used : BLOCK).order(ByteOrder.LITTLE_ENDIAN);
            int nameAt = (to - from) * DIRENT_SIZE;
            for (int i = from; i < to; i++) {
                byte[] name = names.get(i);
                Inode entry = targets.get(i);
                block.putLong(entry.nid())
                        .putShort((short) nameAt)
                        .put((byte) entry.type())
                        .put((byte) 0);
                block.put(nameAt, name);
                nameAt += name.length;
            }
            ByteBuffer longer = ByteBuffer.allocate(all.capacity() + block.capacity());
            longer.put(0, all.array()).put(all.capacity(), block.array());
            all = longer;
            from = to;
        }
        return all.array();
    }

    private void writeMetadata(OutputStream out, long blocks) throws IOException {
        int end = FIRST_INODE_AT + inodes.size() * INODE_SIZE;
        ByteBuffer b = ByteBuffer.allocate((int) blocks(end) * BLOCK).order(ByteOrder.LITTLE_ENDIAN);
        b.position(SUPERBLOCK_AT);
        b.putInt(MAGIC).putInt(0).putInt(FEATURE_COMPAT_MTIME);
        b.put((byte) 12).put((byte) 0); // log2 of the block size; no extension
        b.putShort((short) inodes.get(0).nid());
        b.putLong(inodes.size());
        b.putLong(0).putInt(0); // time of making: the same input gives the same image
        b.putInt((int) blocks);
        for (Inode inode : inodes) {
            b.position(FIRST_INODE_AT + inode.number * INODE_SIZE);
            FileTree.Node node = inode.node;
            b.putShort((short) FORMAT_EXTENDED_PLAIN).putShort((short) 0);
            b.putShort((short) node.mode()).putShort((short) 0);
            b.putLong(inode.size());
            b.putInt(inode.type() == TYPE_CHARACTER_DEVICE ? device(node.device()) : (int) inode.firstBlock);
            b.putInt(inode.number + 1);
            b.putInt(0).putInt(0); // root's
            b.putLong(node.mtime()).putInt(0);
            b.putInt(inode.links());
        }
        out.write(b.array());
    }

    /** As new_encode_dev() of Linux packs it. */
    private static int device(long device) {
        int major = (int) (device >>> 32);
        int minor = (int) device;
        return minor & 0xff | major << 8 | (minor & ~0xff) << 12;
    }

    private static void pad(OutputStream out, long written) throws IOException {
        out.write(new byte[(int) (-written & BLOCK - 1)]);
    }
}
