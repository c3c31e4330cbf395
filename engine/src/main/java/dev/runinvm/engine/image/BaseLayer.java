package dev.runinvm.engine.image;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The part of the guest's files that makes a system: init, busybox, kernel modules, /etc. */
final class BaseLayer {
    /** Raised with every change of what a layer holds that its inputs do not show. */
    static final int FORMAT = 2;

    private static final String FSTAB = """
            proc /proc proc nosuid,nodev,noexec 0 0
            sysfs /sys sysfs nosuid,nodev,noexec 0 0
            devpts /dev/pts devpts mode=0620,gid=5,ptmxmode=0666 0 0
            tmpfs /dev/shm tmpfs mode=1777 0 0
            tmpfs /tmp tmpfs mode=1777 0 0
            tmpfs /run tmpfs mode=0755 0 0
            cgroup2 /sys/fs/cgroup cgroup2 nosuid,nodev,noexec 0 0
            """;
    private static final String PASSWD = """
            root:x:0:0:root:/root:/bin/sh
            daemon:x:1:1:daemon:/usr/sbin:/bin/false
            nobody:x:65534:65534:nobody:/nonexistent:/bin/false
            """;
    private static final String GROUP = """
            root:x:0:
            daemon:x:1:
            tty:x:5:
            disk:x:6:
            kmem:x:15:
            shadow:x:42:
            users:x:100:
            nogroup:x:65534:
            """;

    private BaseLayer() {}

    static Path make(Cache cache, Path busybox, KernelFiles kernel, ImageRequest request, Progress progress) {
        String init = resource("init");
        String busyboxSum;
        try {
            busyboxSum = Keys.ofFile(busybox);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        List<String> modules = new ArrayList<>(request.moduleNames());
        if (request.jdkOnDisk() && !modules.isEmpty()) {
            modules.addAll(KernelModules.FOR_DISKS);
        }
        String key = Keys.of(
                "base",
                FORMAT,
                init,
                FSTAB,
                PASSWD,
                GROUP,
                busyboxSum,
                kernel.release(),
                kernel.identity(),
                KernelModules.USEFUL,
                modules);
        return cache.get("image", "base-" + key + ".cpio", "the guest's base system", out -> {
            progress.at("collecting the base system", 0, 0);
            FileTree tree = new FileTree();
            skeleton(tree);
            tree.file("init", 0755, init);
            busybox(tree, busybox);
            KernelModules.addTo(tree, kernel, modules);
            CpioWriter.write(tree, out, "writing the base system", progress);
        });
    }

    private static void skeleton(FileTree tree) {
        for (String top : List.of("bin", "sbin", "lib", "lib64")) {
            tree.directory("usr/" + top, 0755);
            tree.link(top, "usr/" + top);
        }
        for (String d : List.of("dev", "proc", "sys", "run", "etc", "mnt", "opt", "var/log", "var/lib", "usr/local")) {
            tree.directory(d, 0755);
        }
        tree.directory("root", 0700);
        tree.directory("tmp", 01777);
        tree.directory("var/tmp", 01777);
        tree.link("var/run", "/run");
        // the kernel opens /dev/console for init before devtmpfs is mounted
        tree.characterDevice("dev/console", 0600, 5, 1);
        tree.characterDevice("dev/null", 0666, 1, 3);
        tree.file("etc/passwd", 0644, PASSWD);
        tree.file("etc/group", 0644, GROUP);
        tree.file("etc/shadow", 0600, "root:*:19000:0:99999:7:::\n");
        tree.file("etc/hostname", 0644, "vm\n");
        tree.file("etc/hosts", 0644, "127.0.0.1 localhost vm\n::1 localhost ip6-localhost\n");
        tree.file("etc/nsswitch.conf", 0644, "passwd: files\ngroup: files\nhosts: files dns\n");
        tree.file("etc/resolv.conf", 0644, "");
        tree.file("etc/fstab", 0644, FSTAB);
        tree.link("etc/mtab", "/proc/self/mounts");
        tree.file("etc/os-release", 0644, "NAME=\"RunInVM guest\"\nID=runinvm\nPRETTY_NAME=\"RunInVM guest\"\n");
        tree.file("etc/shells", 0644, "/bin/sh\n");
        tree.file("etc/profile", 0644, "PS1='\\u@\\h:\\w\\$ '\nexport PS1\n");
    }

    private static void busybox(FileTree tree, Path busybox) {
        tree.hostFile("usr/bin/busybox", busybox);
        for (String applet : Busybox.applets(busybox)) {
            String path = applet.startsWith("usr/") ? applet : "usr/" + applet;
            if (!tree.contains(path)) {
                tree.link(path, "/usr/bin/busybox");
            }
        }
    }

    private static String resource(String name) {
        try (InputStream in = BaseLayer.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new IllegalStateException("resource " + name + " is missing from the engine's jar");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
