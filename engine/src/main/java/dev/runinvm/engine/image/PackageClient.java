package dev.runinvm.engine.image;

import java.nio.file.Path;
import java.util.Map;

/** Fetches packages of the distribution. */
interface PackageClient {
    /**
     * Downloads a package, and for a kernel's meta package the packages behind it.
     *
     * @param into an empty directory
     * @return the files by package name, packages that hold no files left out
     * @throws dev.runinvm.engine.HostLacks without the client or the network, or if there is no such package
     */
    Map<String, Path> download(String packageName, Path into);
}
