package dev.runinvm.client;

import dev.runinvm.engine.EngineBug;
import dev.runinvm.engine.HostLacks;
import java.io.IOException;
import java.io.InputStream;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.CodeSource;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.jar.Attributes;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.stream.Stream;

/**
 * The agent's jar, found through the class path. In a build where the agent is still a directory of classes, it is put
 * together from there and from what it uses: its class loader keeps all of that from the tests either way.
 */
public final class AgentJar {
    private static final String MAIN = "dev.runinvm.agent.AgentMain";

    private AgentJar() {}

    /**
     * Where it is.
     *
     * @throws HostLacks if it is not on the class path
     */
    public static Path locate() {
        Path agent = home(MAIN);
        return Files.isDirectory(agent) ? assemble(agent) : agent;
    }

    private static Path home(String className) {
        try {
            Class<?> c = Class.forName(className, false, AgentJar.class.getClassLoader());
            CodeSource source = c.getProtectionDomain().getCodeSource();
            return Path.of(source.getLocation().toURI());
        } catch (ClassNotFoundException e) {
            throw new HostLacks(
                    "guest-agent is not on the class path; the artifact dev.runinvm:guest-agent of the same "
                            + "version belongs there",
                    e);
        } catch (URISyntaxException e) {
            throw new EngineBug("cannot locate " + className, e);
        }
    }

    private static Path assemble(Path classes) {
        Path target = classes.resolveSibling("runinvm-agent-assembled.jar");
        try {
            Path draft = Files.createTempFile(classes.getParent(), "agent", ".jar");
            Manifest manifest = new Manifest();
            manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
            manifest.getMainAttributes().put(Attributes.Name.MAIN_CLASS, MAIN);
            Set<String> names = new HashSet<>();
            try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(draft), manifest)) {
                add(classes, names, out);
                for (String used : List.of(
                        "dev.runinvm.wire.Window",
                        "com.fasterxml.jackson.core.JsonFactory",
                        "com.fasterxml.jackson.dataformat.cbor.CBORFactory")) {
                    add(home(used), names, out);
                }
            }
            return Files.move(draft, target, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new HostLacks("cannot put the agent's jar together at " + target + ": " + e, e);
        }
    }

    private static void add(Path from, Set<String> names, JarOutputStream out) throws IOException {
        if (Files.isDirectory(from)) {
            try (Stream<Path> files = Files.walk(from)) {
                for (Path file : files.filter(Files::isRegularFile).sorted().toList()) {
                    String name = from.relativize(file).toString();
                    if (names.add(name)) {
                        out.putNextEntry(new JarEntry(name));
                        Files.copy(file, out);
                        out.closeEntry();
                    }
                }
            }
            return;
        }
        try (JarFile jar = new JarFile(from.toFile())) {
            for (JarEntry entry : jar.stream().toList()) {
                String name = entry.getName();
                if (name.endsWith(".class") && !name.startsWith("META-INF/") && names.add(name)) {
                    out.putNextEntry(new JarEntry(name));
                    try (InputStream in = jar.getInputStream(entry)) {
                        in.transferTo(out);
                    }
                    out.closeEntry();
                }
            }
        }
    }
}
