package dev.runinvm.engine.image;

import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.boot.KernelImage;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where the kernel comes from, in this order: a file or package given; the distribution's own cloud kernel through
 * its own package client; the kernels in the host's /boot.
 */
final class KernelSource {
    /** The package taken when nothing is said. */
    static final String DEFAULT_PACKAGE = "linux-image-cloud-amd64";

    private static final Logger LOG = LoggerFactory.getLogger(KernelSource.class);

    private final Cache cache;
    private final Packages packages;
    private final Progress progress;
    private final Path hostRoot;

    /** @param hostRoot where boot/ and lib/modules/ of the host are looked for */
    KernelSource(Cache cache, Packages packages, Progress progress, Path hostRoot) {
        this.cache = cache;
        this.packages = packages;
        this.progress = progress;
        this.hostRoot = hostRoot;
    }

    KernelFiles find(ImageRequest request) {
        Path file = request.kernelFile();
        if (file != null) {
            if (!Files.isRegularFile(file)) {
                throw new HostLacks(
                        "the kernel file " + file + (Files.exists(file) ? " is no file" : " does not exist"));
            }
            return file.toString().endsWith(".deb")
                    ? fromPackages(List.of(file), checksumOf(file), file.toString())
                    : fromFile(file, request.modules());
        }
        String name = request.kernelPackage();
        if (name != null) {
            return fromAptPackage(name, request.refresh());
        }
        try {
            return fromAptPackage(DEFAULT_PACKAGE, request.refresh());
        } catch (HostLacks noPackage) {
            KernelFiles host = fromBoot(noPackage);
            LOG.info("{}; taking the host's own kernel {}", noPackage.getMessage(), host.kernel());
            return host;
        }
    }

    private KernelFiles fromAptPackage(String name, boolean refresh) {
        List<Path> debs = packages.get(name, refresh);
        StringBuilder identity = new StringBuilder();
        for (Path deb : debs) {
            identity.append(cache.checksum(deb));
        }
        return fromPackages(debs, identity.toString(), "Debian package " + name);
    }

    private static String checksumOf(Path file) {
        try {
            return Cache.sha256(file);
        } catch (IOException e) {
            throw new HostLacks("cannot read " + file + ": " + Cache.reason(e), e);
        }
    }

    private KernelFiles fromPackages(List<Path> debs, String identity, String origin) {
        String key = Keys.of("kernel", identity) + ".vmlinuz";
        Path kernel = cache.get("kernel", key, "the kernel of " + origin, out -> {
            AtomicReference<String> found = new AtomicReference<>();
            for (Path deb : debs) {
                progress.at("unpacking " + deb.getFileName(), 0, 0);
                Deb.forEach(deb, (path, entry, content) -> {
                    if (!path.startsWith("boot/vmlinu") || !entry.isFile()) {
                        return true;
                    }
                    content.transferTo(out);
                    found.set(path);
                    return false;
                });
                if (found.get() != null) {
                    return;
                }
            }
            throw new HostLacks(
                    origin + " holds no kernel (boot/vmlinuz-*); name a kernel package such as " + DEFAULT_PACKAGE);
        });
        return new KernelFiles(kernel, release(kernel), debs, identity, origin);
    }

    private KernelFiles fromFile(Path file, @Nullable Path modules) {
        String release = release(file);
        Path directory =
                modules != null ? modules : hostRoot.resolve("lib/modules").resolve(release);
        boolean there = Files.isDirectory(directory);
        if (modules != null && !there) {
            throw new HostLacks("the kernel modules' directory " + modules + " does not exist");
        }
        String identity = checksumOf(file) + (there ? Keys.ofTree(directory) : "");
        return new KernelFiles(file, release, there ? List.of(directory) : List.of(), identity, file.toString());
    }

    /** The newest kernel in the host's /boot that can be read. */
    private KernelFiles fromBoot(HostLacks otherwise) {
        List<Path> found = new ArrayList<>();
        Path boot = hostRoot.resolve("boot");
        try (DirectoryStream<Path> files = Files.newDirectoryStream(boot, "vmlinu[xz]-*")) {
            files.forEach(found::add);
        } catch (IOException e) {
            LOG.debug("no {}", boot, e);
        }
        found.sort(Comparator.comparing(KernelSource::modified).reversed());
        StringBuilder why = new StringBuilder();
        for (Path file : found) {
            if (!Files.isReadable(file)) {
                why.append("; ").append(file).append(" is not readable for this user");
                continue;
            }
            try {
                return fromFile(file, null);
            } catch (HostLacks e) {
                why.append("; ").append(e.getMessage());
            }
        }
        throw new HostLacks(
                otherwise.getMessage() + "\nand the host's " + boot + " has no kernel that could be taken instead" + why
                        + ". Give a kernel file, or run once with a network.",
                otherwise);
    }

    private static long modified(Path file) {
        try {
            return Files.getLastModifiedTime(file).toMillis();
        } catch (IOException e) {
            return 0;
        }
    }

    private static String release(Path file) {
        KernelImage image = KernelImage.open(file);
        return image.release()
                .or(() -> image.vmlinux().release())
                .orElseThrow(() -> new HostLacks(file + " does not tell its version; is it a Linux kernel?"));
    }
}
