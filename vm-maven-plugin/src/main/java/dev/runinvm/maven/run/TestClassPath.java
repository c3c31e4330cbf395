package dev.runinvm.maven.run;

import dev.runinvm.engine.HostLacks;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.maven.artifact.Artifact;
import org.apache.maven.project.MavenProject;
import org.eclipse.aether.RepositorySystem;
import org.eclipse.aether.RepositorySystemSession;
import org.eclipse.aether.artifact.DefaultArtifact;
import org.eclipse.aether.collection.CollectRequest;
import org.eclipse.aether.graph.Dependency;
import org.eclipse.aether.resolution.ArtifactResult;
import org.eclipse.aether.resolution.DependencyRequest;
import org.eclipse.aether.resolution.DependencyResolutionException;
import org.jspecify.annotations.Nullable;

/**
 * The class path of a project's tests, with what is needed to launch them: projects name the API they write tests with, and
 * build tools add launcher and engine, as Surefire does.
 */
public final class TestClassPath {
    private static final String PLATFORM = "org.junit.platform";
    private static final String JUPITER = "org.junit.jupiter";
    private static final String VINTAGE = "org.junit.vintage";

    private final MavenProject project;
    private final RepositorySystem repositories;
    private final RepositorySystemSession session;

    /** For one project. */
    public TestClassPath(MavenProject project, RepositorySystem repositories, RepositorySystemSession session) {
        this.project = project;
        this.repositories = repositories;
        this.session = session;
    }

    /**
     * All entries.
     *
     * @param first entries that come before the dependencies: the project's own classes
     * @param more entries that come after them
     * @throws HostLacks if there is no JUnit on it, or what is to be added cannot be resolved
     */
    public List<Path> entries(List<Path> first, List<Path> more) {
        Map<String, Path> entries = new LinkedHashMap<>();
        first.forEach(path -> entries.put(path.toString(), path));
        for (Artifact artifact : project.getArtifacts()) {
            boolean added = artifact.getArtifactHandler().isAddedToClasspath();
            if (added && artifact.getFile() != null) {
                entries.put(key(artifact), artifact.getFile().toPath());
            }
        }
        more.forEach(path -> entries.put(path.toString(), path));
        for (String coordinates : missing()) {
            resolve(coordinates, entries);
        }
        // A project without main classes has no folder for them: a JVM passes over what is not there.
        return entries.values().stream().filter(Files::exists).toList();
    }

    private static String key(Artifact artifact) {
        String classifier = artifact.getClassifier();
        return artifact.getGroupId() + ":" + artifact.getArtifactId() + (classifier == null ? "" : ":" + classifier);
    }

    private @Nullable String version(String group, String name) {
        for (Artifact artifact : project.getArtifacts()) {
            if (artifact.getGroupId().equals(group) && artifact.getArtifactId().equals(name)) {
                return artifact.getVersion();
            }
        }
        return null;
    }

    /** What is not there and is needed, as coordinates. */
    private List<String> missing() {
        List<String> missing = new ArrayList<>();
        String platform = version(PLATFORM, "junit-platform-engine");
        String api = version(JUPITER, "junit-jupiter-api");
        if (api != null && version(JUPITER, "junit-jupiter-engine") == null) {
            missing.add(JUPITER + ":junit-jupiter-engine:" + api);
            platform = platform == null ? platformOf(api) : platform;
        }
        if (platform == null && version("junit", "junit") != null) {
            String vintage = ownVersion();
            missing.add(VINTAGE + ":junit-vintage-engine:" + vintage);
            platform = platformOf(vintage);
        }
        if (platform == null) {
            throw new HostLacks("no JUnit on the test class path of " + project.getId()
                    + ": its tests run on the JUnit Platform; add the dependency org.junit.jupiter:junit-jupiter, or the"
                    + " engine of the framework that they are written for, in scope test");
        }
        if (version(PLATFORM, "junit-platform-launcher") == null) {
            missing.add(PLATFORM + ":junit-platform-launcher:" + platform);
        }
        return missing;
    }

    /** JUnit 5.x.y runs on platform 1.x.y; from 6 on both have one version. */
    private static String platformOf(String version) {
        return version.startsWith("5.") ? "1" + version.substring(1) : version;
    }

    private static String ownVersion() {
        Properties own = new Properties();
        try (InputStream in = TestClassPath.class.getResourceAsStream("/dev/runinvm/maven/versions.properties")) {
            own.load(in);
        } catch (IOException e) {
            throw new IllegalStateException("the plugin's own jar cannot be read", e);
        }
        return own.getProperty("junit");
    }

    private void resolve(String coordinates, Map<String, Path> to) {
        CollectRequest collect = new CollectRequest(
                new Dependency(new DefaultArtifact(coordinates), "runtime"), project.getRemoteProjectRepositories());
        collect.setRequestContext("vm:integration-test");
        try {
            List<ArtifactResult> found = repositories
                    .resolveDependencies(session, new DependencyRequest(collect, null))
                    .getArtifactResults();
            for (ArtifactResult result : found) {
                var artifact = result.getArtifact();
                to.putIfAbsent(
                        artifact.getGroupId() + ":" + artifact.getArtifactId(),
                        artifact.getFile().toPath());
            }
        } catch (DependencyResolutionException e) {
            throw new HostLacks(
                    "cannot resolve " + coordinates + ", which running the tests needs and the project does not name: "
                            + e.getMessage(),
                    e);
        }
    }
}
