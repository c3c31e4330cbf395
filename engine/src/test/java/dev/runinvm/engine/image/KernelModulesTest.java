package dev.runinvm.engine.image;

import com.github.luben.zstd.Zstd;
import dev.runinvm.engine.HostLacks;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tukaani.xz.LZMA2Options;
import org.tukaani.xz.XZOutputStream;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class KernelModulesTest {
    private static final String TOP = "usr/lib/modules/6.1.0-test/";

    @TempDir
    Path directory;

    private final Map<String, byte[]> files = new LinkedHashMap<>();
    private final FileTree tree = new FileTree();

    private static byte[] xz(byte[] plain) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (OutputStream packer = new XZOutputStream(out, new LZMA2Options(1))) {
            packer.write(plain);
        }
        return out.toByteArray();
    }

    private static byte[] gzip(byte[] plain) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (OutputStream packer = new GZIPOutputStream(out)) {
            packer.write(plain);
        }
        return out.toByteArray();
    }

    private void somePackage() throws IOException {
        files.put("kernel/net/nf_nat.ko", FakeModule.of("license=GPL", "depends=nf_conntrack,libcrc32c"));
        files.put("kernel/net/nf_conntrack.ko.xz", xz(FakeModule.of("depends=nf-defrag,libcrc32c")));
        files.put("kernel/net/nf-defrag.ko.zst", Zstd.compress(FakeModule.of("depends=")));
        files.put("kernel/lib/libcrc32c.ko.gz", gzip(FakeModule.of("softdep=pre: crc32c", "depends=")));
        files.put("kernel/fs/vfat.ko", FakeModule.of("alias=fs-vfat", "depends=fat"));
        files.put("kernel/fs/fat.ko", FakeModule.of("depends="));
        files.put("modules.builtin", "kernel/fs/ext4/ext4.ko\n".getBytes(StandardCharsets.UTF_8));
        files.put("modules.order", new byte[0]);
    }

    private KernelFiles asPackage() throws IOException {
        Map<String, byte[]> inside = new LinkedHashMap<>();
        files.forEach((path, content) -> inside.put("lib/modules/6.1.0-test/" + path, content));
        inside.put("lib/modules/6.1.0-other/kernel/x.ko", new byte[3]);
        Path deb = FakeDeb.write(directory.resolve("k.deb"), ".xz", inside);
        return new KernelFiles(deb, "6.1.0-test", List.of(deb), "id", "a package");
    }

    private String content(String path) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        FileTree.Node node = tree.nodes().get(TOP + path);
        assertTrue(node != null, path + " in " + tree.nodes().keySet());
        node.writeTo(out);
        return out.toString(StandardCharsets.ISO_8859_1);
    }

    @Test
    void takesDependenciesAlongAndWritesIndexes() throws IOException {
        somePackage();
        KernelModules.addTo(tree, asPackage(), List.of("nf-nat", "ext4"));

        assertEquals(
                """
                kernel/lib/libcrc32c.ko:
                kernel/net/nf_conntrack.ko: kernel/lib/libcrc32c.ko kernel/net/nf-defrag.ko
                kernel/net/nf-defrag.ko:
                kernel/net/nf_nat.ko: kernel/net/nf_conntrack.ko kernel/lib/libcrc32c.ko kernel/net/nf-defrag.ko
                """.lines().sorted().toList(),
                content("modules.dep").lines().sorted().toList());
        assertEquals("softdep libcrc32c pre: crc32c\n", content("modules.softdep"));
        assertEquals("kernel/fs/ext4/ext4.ko\n", content("modules.builtin"));
        assertEquals(
                new String(FakeModule.of("depends=nf-defrag,libcrc32c"), StandardCharsets.ISO_8859_1),
                content("kernel/net/nf_conntrack.ko"),
                "unpacked");
        assertFalse(tree.contains(TOP + "kernel/fs/vfat.ko"));
    }

    @Test
    void takesAllAndKnowsAliases() throws IOException {
        somePackage();
        KernelModules.addTo(tree, asPackage(), List.of("*"));
        assertTrue(tree.contains(TOP + "kernel/fs/vfat.ko") && tree.contains(TOP + "kernel/net/nf-defrag.ko"));
        assertEquals("alias fs-vfat vfat\n", content("modules.alias"));
    }

    @Test
    void readsADirectoryToo() throws IOException {
        somePackage();
        Path modules = directory.resolve("modules");
        for (Map.Entry<String, byte[]> e : files.entrySet()) {
            Path file = modules.resolve(e.getKey());
            Files.createDirectories(file.getParent());
            Files.write(file, e.getValue());
        }
        KernelFiles kernel = new KernelFiles(modules, "6.1.0-test", List.of(modules), "id", "a directory");
        KernelModules.addTo(tree, kernel, List.of("vfat"));
        assertTrue(tree.contains(TOP + "kernel/fs/fat.ko"));
    }

    @Test
    void modulesThatAreNotThereAreNamed() throws IOException {
        somePackage();
        KernelFiles kernel = asPackage();
        String error = assertThrows(
                        HostLacks.class, () -> KernelModules.addTo(tree, kernel, List.of("vfat", "nosuch", "zfs")))
                .getMessage();
        assertTrue(error.contains("6.1.0-test") && error.contains("nosuch, zfs"), error);
        KernelModules.addTo(tree, kernel, List.of()); // the usual choice is taken as far as it is there
        assertTrue(tree.contains(TOP + "kernel/fs/vfat.ko"));
    }

    @Test
    void modulesOfTheBootLoseTheirSignatureAndOthersKeepIt() throws IOException {
        byte[] plain = FakeModule.of("depends=");
        files.put("kernel/fs/erofs.ko", FakeModule.signed(FakeModule.of("depends=libcrc32c"), 700));
        files.put("kernel/lib/libcrc32c.ko", FakeModule.signed(plain, 500));
        files.put("kernel/fs/fat.ko", FakeModule.signed(plain, 500));
        KernelModules.addTo(tree, asPackage(), List.of("erofs", "fat"));
        assertEquals(
                FakeModule.of("depends=libcrc32c").length,
                content("kernel/fs/erofs.ko").length());
        assertEquals(plain.length, content("kernel/lib/libcrc32c.ko").length());
        assertEquals(
                FakeModule.signed(plain, 500).length,
                content("kernel/fs/fat.ko").length());
    }

    @Test
    void damagedSignaturesAreLeftAlone() {
        byte[] plain = FakeModule.of("depends=");
        assertArrayEquals(plain, KernelModules.withoutSignature(FakeModule.signed(plain, 100)));
        assertArrayEquals(plain, KernelModules.withoutSignature(plain));
        byte[] tooLong = FakeModule.signed(new byte[10], 100);
        tooLong[10 + 100 + 8] = 0x7f; // larger than the file
        assertArrayEquals(tooLong, KernelModules.withoutSignature(tooLong));
        assertArrayEquals(new byte[0], KernelModules.withoutSignature(new byte[0]));
    }
}
