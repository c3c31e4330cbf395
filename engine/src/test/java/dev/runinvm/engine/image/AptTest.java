package dev.runinvm.engine.image;

import dev.runinvm.engine.HostLacks;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The package client's handling, with programs that stand in for apt-get and apt-cache. */
@Timeout(60)
class AptTest {
    @TempDir
    Path directory;

    private final List<String> phases = new ArrayList<>();
    private Path programs = Path.of("");
    private Path into = Path.of("");

    @BeforeEach
    void makeDirectories() throws IOException {
        programs = Files.createDirectory(directory.resolve("bin"));
        into = Files.createDirectory(directory.resolve("into"));
        program("apt-cache", """
                for last; do :; done
                case $last in
                    meta) ;;
                    linux-image-cloud-amd64) printf 'Package: %s\\nDepends: linux-image-6.1.0-9-cloud-amd64 (= 6.1.9-1)\\n' $last ;;
                    linux-image-6.1.0-9-cloud-amd64) printf 'Package: %s\\nDepends: kmod, linux-base (>= 4.3~)\\n' $last ;;
                    linux-image-virtual) printf 'Package: %s\\nDepends: linux-image-6.8.0-31-generic\\n' $last ;;
                    linux-image-6.8.0-31-generic) printf 'Package: %s\\nDepends: kmod, linux-modules-6.8.0-31-generic\\n' $last ;;
                    linux-modules-6.8.0-31-generic|busybox-static) printf 'Package: %s\\n' $last ;;
                    *) echo "E: No packages found"; exit 100 ;;
                esac
                """);
        program("apt-get", """
                echo "$@" >>%s/calls
                case "$*" in
                    *update*) echo 'Get:1 somewhere Packages'; exit 0 ;;
                esac
                while [ "$1" != download ]; do shift; done
                shift
                for p; do echo content >${p}_1.2%%3a_amd64.deb; done
                """.formatted(directory));
    }

    private void program(String name, String text) throws IOException {
        Path file = Files.writeString(programs.resolve(name), "#!/bin/sh\n" + text);
        assertTrue(file.toFile().setExecutable(true));
    }

    private Map<String, Path> download(String name) {
        return new Apt(directory.resolve("state"), (phase, done, total) -> phases.add(phase), programs.toString())
                .download(name, into);
    }

    @Test
    void followsAMetaPackage() {
        Map<String, Path> files = download("linux-image-cloud-amd64");
        assertEquals(Set.of("linux-image-6.1.0-9-cloud-amd64"), files.keySet());
        assertTrue(Files.isRegularFile(files.get("linux-image-6.1.0-9-cloud-amd64")));
        assertTrue(phases.contains("fetching linux-image-6.1.0-9-cloud-amd64"), phases.toString());
    }

    @Test
    void takesAKernelsModulesPackageAlong() {
        assertEquals(
                Set.of("linux-image-6.8.0-31-generic", "linux-modules-6.8.0-31-generic"),
                download("linux-image-virtual").keySet());
    }

    @Test
    void readsPackageListsOnceInAWhileAndIntoItsOwnState() throws IOException {
        download("busybox-static");
        Files.delete(into.resolve("busybox-static_1.2%3a_amd64.deb"));
        download("busybox-static");
        List<String> calls = Files.readAllLines(directory.resolve("calls"));
        assertEquals(1, calls.stream().filter(c -> c.contains("update")).count(), calls.toString());
        assertTrue(calls.stream().allMatch(c -> c.contains("-c " + directory.resolve("state/apt.conf"))));
        String configuration = Files.readString(directory.resolve("state/apt.conf"));
        assertTrue(configuration.contains("Dir::State \"" + directory.resolve("state") + "\""));
        assertTrue(configuration.contains("Dir::Cache \"" + directory.resolve("state")));
    }

    @Test
    void anUnknownPackageIsNamedWithTheTroubleOfTheLists() throws IOException {
        assertTrue(assertThrows(HostLacks.class, () -> download("nosuch"))
                .getMessage()
                .contains("no Debian package nosuch"));
        program("apt-get", "echo 'E: Temporary failure resolving'; exit 100\n");
        Files.deleteIfExists(directory.resolve("state/updated"));
        String error = assertThrows(HostLacks.class, () -> download("nosuch")).getMessage();
        assertTrue(error.contains("Temporary failure resolving") && error.contains("network"), error);
        String second =
                assertThrows(HostLacks.class, () -> download("busybox-static")).getMessage();
        assertTrue(second.contains("cannot fetch") && second.contains("Temporary failure"), second);
    }

    @Test
    void withoutTheClientItSaysSo() throws IOException {
        Files.delete(programs.resolve("apt-get"));
        assertTrue(assertThrows(HostLacks.class, () -> download("busybox-static"))
                .getMessage()
                .contains("this machine has no apt-get"));
    }

    @Test
    void namesThatAreOptionsOrPathsAreRefused() {
        for (String name : List.of("-o=x", "../x", "a b", "", "A")) {
            assertTrue(assertThrows(HostLacks.class, () -> download(name), name)
                    .getMessage()
                    .contains("not a Debian package's name"));
        }
    }

    @Test
    void aClientThatHangsIsEnded() throws IOException {
        program("apt-get", "sleep 1000\n");
        System.setProperty("runinvm.apt.timeout", "1");
        try {
            String error = assertThrows(HostLacks.class, () -> download("busybox-static"))
                    .getMessage();
            assertTrue(error.contains("did not finish within 1 s"), error);
        } finally {
            System.clearProperty("runinvm.apt.timeout");
        }
    }
}
