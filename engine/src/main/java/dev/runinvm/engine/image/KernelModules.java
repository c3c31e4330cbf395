package dev.runinvm.engine.image;

import com.github.luben.zstd.ZstdInputStream;
import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.boot.Elf64;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.zip.GZIPInputStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tukaani.xz.XZInputStream;

/**
 * The kernel modules a guest gets, with indexes (modules.dep, modules.alias, modules.softdep) made to match, since a
 * package has none: the distribution makes them when it is installed. Facts come from each module's .modinfo section.
 */
final class KernelModules {
    /** File systems, block devices and networking that tests ask for, about 10 MB; larger ones on request. */
    static final List<String> USEFUL = List.of(
            ("overlay loop squashfs erofs fuse cuse virtiofs isofs udf vfat fat exfat autofs4 configfs binfmt_misc"
                            + " nls_ascii nls_cp437 nls_iso8859-1 nls_utf8 nbd zram brd null_blk dm-mod dm-snapshot"
                            + " dm-crypt sg dummy veth tun tap bridge br_netfilter macvlan macvtap ipvlan vxlan 8021q bonding ifb"
                            + " wireguard ipip ip_gre sit tcp_bbr sch_netem sch_tbf sch_htb ip_tables iptable_filter"
                            + " iptable_nat iptable_mangle ip6_tables ip6table_filter ip6table_nat nf_tables nf_nat nf_conntrack nft_ct"
                            + " nft_nat nft_masq nft_chain_nat nft_compat nft_reject nft_reject_ipv4 nft_reject_inet nft_limit nft_log"
                            + " xt_conntrack xt_MASQUERADE xt_tcpudp xt_addrtype xt_comment xt_mark xt_multiport xt_state"
                            + " xt_nat xt_REDIRECT ipt_REJECT ip_set vsock vsock_loopback"
                            + " softdog virtio_blk virtio_net virtio_console virtio_pci ext4 af_packet unix crc32c_generic"
                            + " crc32c-intel sha256_generic xts nd_e820 nd_pmem"
                            + " xen-blkfront xen-privcmd xenfs xen-evtchn xen-gntdev xen-gntalloc")
                    .split(" "));

    /** What /init loads to mount disks in memory. */
    static final List<String> FOR_DISKS = List.of("nd_e820", "nd_pmem", "erofs");

    private static final byte[] SIGNATURE_MAGIC = "~Module signature appended~\n".getBytes(StandardCharsets.US_ASCII);
    private static final int SIGNATURE_INFO_SIZE = 12;
    /** Bytes of modules nobody asked for yet: they may turn out to be needed, which spares reading all again. */
    private static final long KEPT_IN_CASE = 128 << 20;

    private static final Logger LOG = LoggerFactory.getLogger(KernelModules.class);

    private final KernelFiles kernel;
    private final Set<String> wanted = new TreeSet<>();
    private final boolean all;
    private long kept;
    private final Map<String, Module> modules = new TreeMap<>();
    private final Map<String, byte[]> indexes = new TreeMap<>();

    /** A module; {@code content} is there at the latest when it is known to be wanted. */
    private static final class Module {
        private final String path;
        private final List<String> depends;
        private final List<String> aliases;
        private final List<String> softDependencies;
        private byte[] content = {};

        Module(String path, List<String> depends, List<String> aliases, List<String> softDependencies) {
            this.path = path;
            this.depends = depends;
            this.aliases = aliases;
            this.softDependencies = softDependencies;
        }
    }

    private KernelModules(KernelFiles kernel, List<String> names) {
        this.kernel = kernel;
        this.all = names.contains("*");
        for (String name : names.isEmpty() ? USEFUL : names) {
            wanted.add(canonical(name));
        }
    }

    /**
     * Adds modules and their indexes to a guest's files.
     *
     * @param names as given by the user; empty for {@link #USEFUL}
     * @throws HostLacks if a module asked for by name exists neither as a file nor in the kernel
     */
    static void addTo(FileTree tree, KernelFiles kernel, List<String> names) throws IOException {
        KernelModules modules = new KernelModules(kernel, names);
        modules.collect();
        modules.checkFound(names);
        modules.write(tree);
    }

    /** The kernel takes - and _ in module names for the same. */
    private static String canonical(String name) {
        return name.replace('-', '_');
    }

    /** Reads until everything wanted, and what that depends on, is there; for most kernels once. */
    private void collect() throws IOException {
        boolean missing = true;
        for (int pass = 0; missing && pass < 8 && !kernel.modules().isEmpty(); pass++) {
            kernel.forEachModuleFile(this::visit);
            missing = false;
            List<String> todo = new ArrayList<>(wanted);
            while (!todo.isEmpty()) {
                Module module = modules.get(todo.remove(todo.size() - 1));
                if (module == null) {
                    continue; // built in, or not in this kernel
                }
                missing |= module.content.length == 0;
                for (String d : module.depends) {
                    if (wanted.add(d)) {
                        todo.add(d);
                    }
                }
                for (String d : module.softDependencies) {
                    if (wanted.add(d)) {
                        todo.add(d);
                    }
                }
            }
        }
    }

    private void visit(String path, InputStream content) throws IOException {
        String file = path.substring(path.lastIndexOf('/') + 1);
        int ko = file.indexOf(".ko");
        if (ko < 0) {
            if (file.equals("modules.builtin")
                    || file.equals("modules.builtin.modinfo")
                    || file.equals("modules.order")) {
                indexes.put(file, content.readAllBytes());
            }
            return;
        }
        String name = canonical(file.substring(0, ko));
        Module known = modules.get(name);
        boolean take = all || wanted.contains(name);
        if (known != null && (!take || known.content.length > 0)) {
            return;
        }
        byte[] bytes = unpack(file.substring(ko), content);
        if (known == null) {
            String plainPath = path.substring(0, path.length() - file.length()) + file.substring(0, ko) + ".ko";
            known = describe(plainPath, bytes);
            modules.put(name, known);
            if (all) {
                wanted.add(name);
            }
        }
        if (take || kept + bytes.length <= KEPT_IN_CASE) {
            kept += take ? 0 : bytes.length;
            known.content = bytes;
        }
    }

    /**
     * A module without its signature (struct module_signature of include/linux/module_signature.h: the signature's
     * size in its last four bytes, big-endian). Checking one is most of loading a module, 120 million instructions
     * for those of {@link #FOR_DISKS}, a fifth of a boot.
     */
    static byte[] withoutSignature(byte[] module) {
        int magicAt = module.length - SIGNATURE_MAGIC.length;
        if (magicAt < SIGNATURE_INFO_SIZE
                || !Arrays.equals(module, magicAt, module.length, SIGNATURE_MAGIC, 0, SIGNATURE_MAGIC.length)) {
            return module;
        }
        int size = ByteBuffer.wrap(module).getInt(magicAt - 4);
        int end = magicAt - SIGNATURE_INFO_SIZE - size;
        return size < 0 || end < 0 ? module : Arrays.copyOf(module, end);
    }

    private static byte[] unpack(String suffix, InputStream content) throws IOException {
        return switch (suffix) {
            case ".ko" -> content.readAllBytes();
            case ".ko.xz" -> new XZInputStream(content).readAllBytes();
            case ".ko.gz" -> new GZIPInputStream(content).readAllBytes();
            case ".ko.zst" -> new ZstdInputStream(content).readAllBytes();
            default -> throw new HostLacks("a kernel module is compressed in an unknown way: *" + suffix);
        };
    }

    private static Module describe(String path, byte[] bytes) {
        List<String> depends = new ArrayList<>();
        List<String> aliases = new ArrayList<>();
        List<String> soft = new ArrayList<>();
        ByteBuffer info =
                Elf64.parse(ByteBuffer.wrap(bytes), path).section(".modinfo").orElse(ByteBuffer.allocate(0));
        int at = 0;
        while (at < info.limit()) {
            String line = Elf64.string(info, at);
            at += line.length() + 1;
            if (line.startsWith("depends=")) {
                for (String d : line.substring(8).split(",")) {
                    if (!d.isEmpty()) {
                        depends.add(canonical(d));
                    }
                }
            } else if (line.startsWith("alias=")) {
                aliases.add(line.substring(6));
            } else if (line.startsWith("softdep=")) {
                for (String d : line.substring(8).split(" ")) {
                    if (!d.isEmpty() && !d.endsWith(":")) {
                        soft.add(canonical(d));
                    }
                }
            }
        }
        return new Module(path, depends, aliases, soft);
    }

    private void checkFound(List<String> asked) {
        String builtIn =
                canonical(new String(indexes.getOrDefault("modules.builtin", new byte[0]), StandardCharsets.UTF_8));
        Set<String> missing = new TreeSet<>();
        for (String name : asked) {
            boolean inKernel = builtIn.contains("/" + canonical(name) + ".ko");
            if (!modules.containsKey(canonical(name)) && !inKernel && !name.equals("*")) {
                missing.add(name);
            }
        }
        if (!missing.isEmpty()) {
            throw new HostLacks("the kernel " + kernel.release() + " (" + kernel.origin() + ") has no module "
                    + String.join(", ", missing));
        }
    }

    private void write(FileTree tree) {
        Set<Module> atBoot = new HashSet<>();
        for (String name : FOR_DISKS) {
            Module module = modules.get(name);
            if (module != null) {
                atBoot.add(module);
                atBoot.addAll(closure(module));
            }
        }
        String directory = "usr/lib/modules/" + kernel.release() + "/";
        StringBuilder dep = new StringBuilder();
        StringBuilder alias = new StringBuilder();
        StringBuilder soft = new StringBuilder();
        int count = 0;
        for (Map.Entry<String, Module> e : modules.entrySet()) {
            Module m = e.getValue();
            if (!wanted.contains(e.getKey()) || m.content.length == 0) {
                continue;
            }
            count++;
            tree.file(directory + m.path, 0644, atBoot.contains(m) ? withoutSignature(m.content) : m.content);
            dep.append(m.path).append(':');
            for (Module d : closure(m)) {
                dep.append(' ').append(d.path);
            }
            dep.append('\n');
            m.aliases.forEach(a -> alias.append("alias ")
                    .append(a)
                    .append(' ')
                    .append(e.getKey())
                    .append('\n'));
            if (!m.softDependencies.isEmpty()) {
                soft.append("softdep ")
                        .append(e.getKey())
                        .append(" pre: ")
                        .append(String.join(" ", m.softDependencies))
                        .append('\n');
            }
        }
        tree.file(directory + "modules.dep", 0644, dep.toString());
        tree.file(directory + "modules.alias", 0644, alias.toString());
        tree.file(directory + "modules.softdep", 0644, soft.toString());
        tree.file(directory + "modules.symbols", 0644, "");
        indexes.forEach((name, content) -> tree.file(directory + name, 0644, content));
        LOG.debug("{} of {} kernel modules taken", count, modules.size());
    }

    /** What a module depends on, each before what it depends on itself, as depmod(8) writes it. */
    private List<Module> closure(Module module) {
        Set<String> names = new LinkedHashSet<>();
        collectDependencies(module, names, 0);
        List<String> reversed = new ArrayList<>(names);
        java.util.Collections.reverse(reversed);
        List<Module> result = new ArrayList<>();
        for (String name : reversed) {
            Module m = modules.get(name);
            if (m != null && m != module) {
                result.add(m);
            }
        }
        return result;
    }

    /** Depth first, so that a module comes behind everything it needs. */
    private void collectDependencies(Module module, Set<String> names, int depth) {
        for (String d : module.depends) {
            Module m = modules.get(d);
            if (m != null && depth < 64 && !names.contains(d)) {
                collectDependencies(m, names, depth + 1);
                names.add(d);
            }
        }
    }
}
