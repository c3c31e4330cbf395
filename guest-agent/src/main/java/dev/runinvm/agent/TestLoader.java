package dev.runinvm.agent;

import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.List;

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

    /** The constructor that the JVM calls for its system class loader. */
    public TestLoader(ClassLoader agent) {
        super(new URL[0], ClassLoader.getPlatformClassLoader());
        this.agent = agent;
    }

    /** Called by the JVM when instrumentation agents add to the class path. */
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

    /** Whether it was given a class path yet. */
    boolean isEmpty() {
        return !filled;
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
        if (name.startsWith(SHARED) || isEmpty() && !name.startsWith(BRIDGE)) {
            // As the system's loader it is asked for the agent itself, before there are tests.
            return agent.loadClass(name);
        }
        try {
            return super.loadClass(name, resolve);
        } catch (ClassNotFoundException e) {
            return ofJdk(name, e);
        }
    }

    @Override
    protected Class<?> findClass(String name) throws ClassNotFoundException {
        return name.startsWith(BRIDGE) ? bridge(name) : super.findClass(name);
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
