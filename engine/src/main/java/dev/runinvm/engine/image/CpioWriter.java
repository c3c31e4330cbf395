package dev.runinvm.engine.image;

import java.io.IOException;
import java.io.OutputStream;
import java.util.Map;
import org.apache.commons.compress.archivers.cpio.CpioArchiveEntry;
import org.apache.commons.compress.archivers.cpio.CpioArchiveOutputStream;
import org.apache.commons.compress.archivers.cpio.CpioConstants;

/**
 * Writes files as a cpio archive in the "newc" format that Linux unpacks
 * (Documentation/driver-api/early-userspace/buffer-format.rst), uncompressed.
 */
final class CpioWriter {
    private CpioWriter() {}

    /** Writes the archive, its trailer included. The stream stays open. */
    static void write(FileTree tree, OutputStream out, String phase, Progress progress) throws IOException {
        Steps steps = new Steps(phase, tree.totalSize(), progress);
        @SuppressWarnings("resource") // closing it would close the stream, which is the caller's
        CpioArchiveOutputStream cpio = new CpioArchiveOutputStream(out, CpioConstants.FORMAT_NEW, 512, "UTF-8");
        long inode = 1;
        for (Map.Entry<String, FileTree.Node> e : tree.nodes().entrySet()) {
            FileTree.Node node = e.getValue();
            CpioArchiveEntry entry = new CpioArchiveEntry(CpioConstants.FORMAT_NEW, e.getKey());
            entry.setInode(inode++);
            entry.setMode(node.mode());
            entry.setNumberOfLinks(node.isDirectory() ? 2 : 1);
            entry.setTime(node.mtime());
            entry.setSize(node.size());
            if (node.device() != 0) {
                entry.setRemoteDeviceMaj(node.device() >>> 32);
                entry.setRemoteDeviceMin(node.device() & 0xffff_ffffL);
            }
            cpio.putArchiveEntry(entry);
            node.writeTo(cpio);
            cpio.closeArchiveEntry();
            steps.add(node.size());
        }
        cpio.finish();
        cpio.flush();
        steps.end();
    }
}
