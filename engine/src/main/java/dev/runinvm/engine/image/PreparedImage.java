package dev.runinvm.engine.image;

import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.boot.KernelImage;
import dev.runinvm.engine.boot.Vmlinux;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A kernel and a guest file system, in the cache.
 *
 * @param kernelFile the kernel as shipped (bzImage or vmlinux)
 * @param kernelRelease as {@code uname -r} shows it
 * @param kernelOrigin for people: where the kernel came from
 * @param vmlinuxFile the same kernel uncompressed, an ELF file
 * @param initramfs cpio archives, to be loaded one behind the other, each at a multiple of 4 bytes
 * @param disks images to be put into memory the guest is told of as persistent (e820 type 12), each at a multiple of
 *     2 MiB; the guest finds them as /dev/pmem0, ...
 * @param javaHome where the JDK is in the guest, empty without one
 */
public record PreparedImage(
        Path kernelFile,
        String kernelRelease,
        String kernelOrigin,
        Path vmlinuxFile,
        List<Path> initramfs,
        List<Path> disks,
        String javaHome) {

    public PreparedImage {
        initramfs = List.copyOf(initramfs);
        disks = List.copyOf(disks);
    }

    /** The kernel, ready for {@link dev.runinvm.engine.boot.LinuxBoot}. */
    public Vmlinux kernel() {
        return Vmlinux.open(
                vmlinuxFile, KernelImage.open(kernelFile).setupHeader().orElse(null));
    }

    /** Whether a guest can be given further disks: the image has what mounts them. */
    public boolean canHaveMoreDisks() {
        return !disks.isEmpty();
    }

    /**
     * The same image for guests that have these disks besides.
     *
     * @throws HostLacks if {@linkplain #canHaveMoreDisks that is not possible}
     */
    PreparedImage with(List<Path> moreDisks) {
        if (moreDisks.isEmpty()) {
            return this;
        }
        if (!canHaveMoreDisks()) {
            throw new HostLacks("the kernel " + kernelRelease
                    + " came without modules, so its guests can have no disks in" + " their memory");
        }
        List<Path> all = new ArrayList<>(disks);
        all.addAll(moreDisks);
        return new PreparedImage(kernelFile, kernelRelease, kernelOrigin, vmlinuxFile, initramfs, all, javaHome);
    }

    /** Whether all its files are still there. */
    public boolean exists() {
        return Files.exists(kernelFile)
                && Files.exists(vmlinuxFile)
                && initramfs.stream().allMatch(Files::exists)
                && disks.stream().allMatch(Files::exists);
    }

    /** What tells it from every other image: names, sizes and times of its files, which are named by their content. */
    public List<String> identity() {
        try {
            List<String> all = new ArrayList<>();
            all.add("kernel: " + kernelRelease + ", " + Keys.ofFile(vmlinuxFile));
            all.add("JDK: " + javaHome);
            for (Path file : initramfs) {
                all.add("archive: " + Keys.ofFile(file));
            }
            for (Path file : disks) {
                all.add("disk: " + Keys.ofFile(file));
            }
            return all;
        } catch (IOException e) {
            throw new HostLacks("the image was removed from the cache: " + Cache.reason(e), e);
        }
    }

    /** Bytes of all archives. */
    public long initramfsSize() {
        return sizeOf(initramfs);
    }

    /** Bytes of all archives and disks. */
    public long size() {
        return initramfsSize() + sizeOf(disks);
    }

    private static long sizeOf(List<Path> files) {
        long size = 0;
        try {
            for (Path file : files) {
                size += Files.size(file);
            }
        } catch (IOException e) {
            throw new HostLacks("the image was removed from the cache: " + Cache.reason(e), e);
        }
        return size;
    }

    /** Writes all archives as one file, for a virtual machine that wants it so. */
    public void writeInitramfs(Path file) {
        try (OutputStream out = Files.newOutputStream(file)) {
            for (Path part : initramfs) {
                long n = Files.copy(part, out);
                out.write(new byte[(int) (-n & 3)]);
            }
        } catch (IOException e) {
            throw new HostLacks("cannot write " + file + ": " + Cache.reason(e), e);
        }
    }
}
