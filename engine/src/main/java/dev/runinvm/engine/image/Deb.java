package dev.runinvm.engine.image;

import com.github.luben.zstd.ZstdInputStream;
import dev.runinvm.engine.HostLacks;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.GZIPInputStream;
import org.apache.commons.compress.archivers.ar.ArArchiveEntry;
import org.apache.commons.compress.archivers.ar.ArArchiveInputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.tukaani.xz.XZInputStream;

/** A Debian binary package, deb(5): an ar archive with the files in data.tar, compressed or not. */
final class Deb {
    private Deb() {}

    /** Sees one member. */
    @FunctionalInterface
    interface Visitor {
        /**
         * @param path without leading {@code ./}
         * @param content of a regular file, to be read before returning or not at all
         * @return whether to go on
         */
        boolean visit(String path, TarArchiveEntry entry, InputStream content) throws IOException;
    }

    /**
     * Goes through a package's files.
     *
     * @throws HostLacks if the file is no Debian package or damaged
     * @throws IOException of the visitor
     */
    static void forEach(Path deb, Visitor visitor) throws IOException {
        try (ArArchiveInputStream ar =
                new ArArchiveInputStream(new BufferedInputStream(Files.newInputStream(deb), 1 << 16))) {
            ArArchiveEntry member;
            while ((member = ar.getNextEntry()) != null) {
                if (member.getName().startsWith("data.tar")) {
                    visit(new TarArchiveInputStream(unpack(member.getName(), ar)), visitor);
                    return;
                }
            }
        } catch (VisitorFailed e) {
            throw e.failure;
        } catch (IOException | RuntimeException e) {
            if (e instanceof HostLacks lacks) {
                throw lacks;
            }
            throw new HostLacks("cannot read the Debian package " + deb + ": " + e.getMessage(), e);
        }
        throw new HostLacks(deb + " is not a Debian package: it has no data.tar");
    }

    private static void visit(TarArchiveInputStream tar, Visitor visitor) throws IOException {
        TarArchiveEntry entry;
        while ((entry = tar.getNextEntry()) != null) {
            String path = entry.getName();
            while (path.startsWith("./") || path.startsWith("/")) {
                path = path.substring(path.indexOf('/') + 1);
            }
            boolean more;
            try {
                more = visitor.visit(path, entry, tar);
            } catch (IOException e) {
                throw new VisitorFailed(e);
            }
            if (!more) {
                return;
            }
        }
    }

    private static InputStream unpack(String name, InputStream in) throws IOException {
        return switch (name) {
            case "data.tar" -> in;
            case "data.tar.gz" -> new GZIPInputStream(in, 1 << 16);
            case "data.tar.xz" -> new XZInputStream(in);
            case "data.tar.zst" -> new ZstdInputStream(in);
            default -> throw new IOException(name + " is compressed in an unknown way");
        };
    }

    /** Carries a visitor's exception past the catch for damaged packages. */
    private static final class VisitorFailed extends RuntimeException {
        private static final long serialVersionUID = 1L;
        private final transient IOException failure;

        VisitorFailed(IOException failure) {
            super(failure);
            this.failure = failure;
        }
    }
}
