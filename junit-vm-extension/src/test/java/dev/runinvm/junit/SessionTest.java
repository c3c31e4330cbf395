package dev.runinvm.junit;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.platform.engine.DiscoverySelector;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

/** Which classes have a guest in common. The guest is a fake. */
class SessionTest {
    @RegisterExtension
    final FakeGuests guests = new FakeGuests();

    private final Host host = new Host();

    @TempDir
    Path logs;

    @RunInVM(isolation = Isolation.SESSION)
    static class First {
        @Test
        void leaves() throws IOException {
            assertNull(System.setProperty("left.behind", "by First"));
            Files.writeString(GuestFiles.directory().resolve("first.txt"), "of First");
            System.out.println("printed by First");
        }
    }

    @RunInVM(isolation = Isolation.SESSION)
    @TestMethodOrder(MethodOrderer.MethodName.class)
    static class Second {
        @Test
        void finds() throws IOException {
            assertEquals("by First", System.getProperty("left.behind"));
            Files.writeString(GuestFiles.directory().resolve("second.txt"), "of Second");
            System.out.println("printed by Second");
        }

        @Test
        void fails() {
            assertEquals(1, 2);
        }
    }

    @RunInVM
    static class OfItsOwn {
        @Test
        void findsNothing() {
            assertNull(System.getProperty("left.behind"));
        }
    }

    @RunInVM(isolation = Isolation.SESSION, memory = "512M")
    static class Other {
        @Test
        void findsNothing() {
            assertNull(System.getProperty("left.behind"));
        }
    }

    @RunInVM(isolation = Isolation.SESSION)
    static class Halts {
        @Test
        void halts() {
            assertNotNull(System.getProperty("left.behind"));
            Runtime.getRuntime().halt(3);
        }
    }

    @RunInVM(isolation = Isolation.SESSION)
    static class AfterHalts {
        @Test
        void findsNothing() {
            assertNull(System.getProperty("left.behind"));
        }
    }

    @RunInVM(isolation = Isolation.METHOD)
    static class EachMethod {
        @Test
        void a() {
            assertNull(System.setProperty("left.behind", "by a method"));
        }

        @Test
        void b() {
            assertNull(System.setProperty("left.behind", "by a method"));
        }
    }

    private List<String> launch(Class<?>... classes) {
        DiscoverySelector[] selectors =
                Stream.of(classes).map(c -> selectClass(c)).toArray(DiscoverySelector[]::new);
        return host.launch(Map.of("runinvm.logDirectory", logs.toString()), selectors)
                .ends();
    }

    private static List<String> names(Path directory) throws IOException {
        try (Stream<Path> all = Files.list(directory)) {
            return all.map(f -> String.valueOf(f.getFileName())).toList();
        }
    }

    @Test
    void classesOfTheSameConfigurationShareAGuest() throws IOException {
        assertEquals(
                List.of("leaves() SUCCESSFUL", "fails() FAILED", "finds() SUCCESSFUL"),
                launch(First.class, Second.class));
        assertEquals(1, guests.started().size());
        assertEquals(
                List.of("printed by First", "printed by Second"),
                host.out().lines().toList());
        assertEquals(List.of("first.txt"), names(logs.resolve(First.class.getName() + "/files")));
        assertEquals(List.of("second.txt"), names(logs.resolve(Second.class.getName() + "/files")));
        assertEquals(0, Guests.alive(), "guests after the session");
    }

    @Test
    void whoAsksForAGuestOfItsOwnGetsIt() {
        assertEquals(
                List.of("leaves() SUCCESSFUL", "findsNothing() SUCCESSFUL", "findsNothing() SUCCESSFUL"),
                launch(First.class, Other.class, OfItsOwn.class));
        assertEquals(3, guests.started().size());
        assertEquals(0, Guests.alive(), "guests after the session");
    }

    @Test
    void aGuestThatEndedUnderAClassLeavesNoneToTheNext() {
        assertEquals(
                List.of("leaves() SUCCESSFUL", "halts() FAILED", "findsNothing() SUCCESSFUL"),
                launch(First.class, Halts.class, AfterHalts.class));
        assertEquals(2, guests.started().size());
    }

    @Test
    void methodsShareNothing() {
        assertEquals(
                List.of("a() SUCCESSFUL", "b() SUCCESSFUL"),
                launch(EachMethod.class).stream().sorted().toList());
        assertEquals(2, guests.started().size());
    }
}
