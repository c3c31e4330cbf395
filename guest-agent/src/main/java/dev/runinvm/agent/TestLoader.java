package dev.runinvm.agent;

import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.CodeSource;
import java.security.cert.Certificate;
import java.util.Enumeration;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The tests' class loader: the JDK and the shipped class path, nothing of the agent's own. The agent's bridge is defined
 * here too, so that it meets the tests' JUnit; what bridge and agent share comes from the agent's loader.
 *
 * <p>Can be the JVM's system class loader ({@code -Djava.system.class.loader=dev.runinvm.agent.TestLoader}), so that
 * tests that ask for that one find their class path in it, as they do in a local run.
 */
public final class TestLoader extends URLClassLoader {
    static {
        ClassLoader.registerAsParallelCapable();
    }

    private static final String AGENT = "dev.runinvm.agent.";
    private static final String SHARED = AGENT + "spi.";
    private static final String BRIDGE = AGENT + "bridge.";

    private final ClassLoader agent;
    private volatile boolean filled;
    /** Jars it was given before it was known what else belongs on the class path. */
    private volatile @Nullable List<Path> warm;
    /** Where among these, and before them, directories were put afterwards. */
    private volatile @Nullable Directories directories;

    /** The constructor that the JVM calls for its system class loader. */
    public TestLoader(ClassLoader agent) {
        super(new URL[0], ClassLoader.getPlatformClassLoader());
        this.agent = agent;
    }

    /** Called by the JVM for the jars of Java agents, before there are tests. */
    @SuppressWarnings("unused")
    private void appendToClassPathForInstrumentation(String path) throws IOException {
        addURL(Path.of(path).toUri().toURL());
    }

    void add(List<Path> entries) throws IOException {
        filled = true;
        for (Path entry : entries) {
            addURL(entry.toUri().toURL());
        }
    }

    /** Gives it the jars of a class path whose directories are not known yet. */
    void warm(List<Path> jars) throws IOException {
        add(jars);
        warm = List.copyOf(jars);
    }

    /**
     * Completes a class path whose jars it was given before.
     *
     * @param entries all of it, in order
     * @param classesIn names of the classes in a directory
     * @return false if it was given other jars, has been completed already, or has loaded a class from a jar that a
     *     directory has too: nothing has changed then
     */
    boolean adopt(List<Path> entries, Function<Path, List<String>> classesIn) {
        List<Path> jars = warm;
        if (jars == null
                || !jars.equals(
                        entries.stream().filter(e -> !Files.isDirectory(e)).toList())) {
            return false;
        }
        for (Path entry : entries) {
            for (String name : classesIn.apply(entry)) {
                if (findLoadedClass(name) != null) {
                    return false;
                }
            }
        }
        warm = null;
        directories = new Directories(entries);
        return true;
    }

    /**
     * Has directories among its jars for a while.
     *
     * @param entries all of the class path meanwhile, in order; null to end it
     */
    void lend(@Nullable List<Path> entries) {
        directories = entries == null ? null : new Directories(entries);
    }

    /** Whether it was given a class path yet. */
    boolean isEmpty() {
        return !filled;
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
        if (name.startsWith(SHARED)) {
            return agent.loadClass(name);
        }
        if (isEmpty() && !name.startsWith(BRIDGE)) {
            // As the system's loader it is asked for the agent itself, before there are tests.
            try {
                return agent.loadClass(name);
            } catch (ClassNotFoundException e) {
                return super.loadClass(name, resolve); // of a Java agent's jar
            }
        }
        try {
            return super.loadClass(name, resolve);
        } catch (ClassNotFoundException e) {
            return ofJdk(name, e);
        }
    }

    @Override
    protected Class<?> findClass(String name) throws ClassNotFoundException {
        if (name.startsWith(BRIDGE)) {
            return bridge(name);
        }
        Directories d = directories;
        Path file = d == null ? null : d.first(name.replace('.', '/') + ".class", super::findResource);
        return d == null || file == null ? super.findClass(name) : define(name, file, d.rootOf(file));
    }

    private Class<?> define(String name, Path file, Path root) throws ClassNotFoundException {
        try {
            byte[] bytes = Files.readAllBytes(file);
            int dot = name.lastIndexOf('.');
            if (dot > 0 && getDefinedPackage(name.substring(0, dot)) == null) {
                try {
                    definePackage(name.substring(0, dot), null, null, null, null, null, null, null);
                } catch (IllegalArgumentException e) {
                    // another thread was first
                    return defineClass(name, bytes, 0, bytes.length, source(root));
                }
            }
            return defineClass(name, bytes, 0, bytes.length, source(root));
        } catch (IOException e) {
            throw new ClassNotFoundException(name, e);
        }
    }

    private static CodeSource source(Path root) throws IOException {
        return new CodeSource(root.toUri().toURL(), (Certificate[]) null);
    }

    @Override
    public @Nullable URL findResource(String name) {
        Directories d = directories;
        Path file = d == null ? null : d.first(name, super::findResource);
        return file == null ? super.findResource(name) : Directories.url(file);
    }

    @Override
    public Enumeration<URL> findResources(String name) throws IOException {
        Directories d = directories;
        Enumeration<URL> inJars = super.findResources(name);
        return d == null ? inJars : d.merge(name, inJars);
    }

    /** Some of the JDK's own modules, the compiler's for one, belong to the application class loader. */
    private Class<?> ofJdk(String name, ClassNotFoundException missing) throws ClassNotFoundException {
        Class<?> c;
        try {
            c = agent.loadClass(name);
        } catch (ClassNotFoundException e) {
            throw missing;
        }
        if (!c.getModule().isNamed()) {
            throw missing;
        }
        return c;
    }

    private Class<?> bridge(String name) throws ClassNotFoundException {
        String file = name.replace('.', '/') + ".class";
        try (InputStream in = agent.getResourceAsStream(file)) {
            if (in == null) {
                throw new ClassNotFoundException(name);
            }
            byte[] bytes = in.readAllBytes();
            return defineClass(name, bytes, 0, bytes.length);
        } catch (IOException e) {
            throw new ClassNotFoundException(name, e);
        }
    }
}
