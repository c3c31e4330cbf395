package dev.runinvm.engine.os;

import com.sun.jna.LastErrorException;
import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import dev.runinvm.engine.EngineBug;
import dev.runinvm.engine.HostLacks;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * Starts processes from, and reaps them on, one thread that lives as long as the JVM: PR_SET_PDEATHSIG is about the
 * parent <em>thread</em>, so children started from a worker would die with it. Only our own children are waited for
 * (by pidfd), never those of {@link ProcessBuilder}.
 */
final class Spawner {
    private static final int DEADLINE_SECONDS = 30;
    /** Sources of dup2 are first moved up here, so that no target can overwrite a source. */
    private static final int HIGH_FD = 32;

    private static @Nullable Spawner instance;

    private final EventFd wake = EventFd.create();
    private final ArrayDeque<Request> requests = new ArrayDeque<>();
    private final List<Child> children = new ArrayList<>();

    private record Request(int executable, int[] descriptors, Runnable onExit, CompletableFuture<Child> answer) {}

    static synchronized Spawner get() {
        if (instance == null) {
            Spawner s = new Spawner();
            Thread t = new Thread(s::loop, "vm-stub-spawner");
            t.setDaemon(true);
            t.start();
            instance = s;
        }
        return instance;
    }

    /** Starts a program; see {@link Child#spawn}. */
    Child spawn(int executable, int[] descriptors, Runnable onExit) {
        Request request = new Request(executable, descriptors, onExit, new CompletableFuture<>());
        synchronized (requests) {
            requests.add(request);
        }
        wake.signal();
        try {
            return request.answer.get(DEADLINE_SECONDS, TimeUnit.SECONDS);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException r) {
                throw r;
            }
            throw new EngineBug("starting a process failed: " + e.getCause(), e.getCause());
        } catch (TimeoutException e) {
            throw new HostLacks("the host did not start a process within " + DEADLINE_SECONDS + " s", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new EngineBug("interrupted while a process was being started", e);
        }
    }

    private void loop() {
        while (true) {
            // The memory of poll entries; few children, so rebuilding it each time is cheap.
            int n = children.size();
            try (Memory polls = new Memory(8L * (n + 1))) {
                polls.setInt(0, wake.fd());
                polls.setInt(4, LibC.POLLIN);
                for (int i = 0; i < n; i++) {
                    polls.setInt(8L * (i + 1), children.get(i).pidfd);
                    polls.setInt(8L * (i + 1) + 4, LibC.POLLIN);
                }
                try {
                    LibC.poll(Pointer.nativeValue(polls), n + 1, -1);
                } catch (LastErrorException e) {
                    if (e.getErrorCode() == LibC.EINTR) {
                        continue;
                    }
                    throw new EngineBug("cannot poll for ended processes: " + e.getMessage(), e);
                }
                for (int i = n - 1; i >= 0; i--) {
                    if (polls.getShort(8L * (i + 1) + 6) != 0) {
                        children.remove(i).reap();
                    }
                }
                if (polls.getShort(6) != 0) {
                    wake.await();
                    serve();
                }
            }
        }
    }

    private void serve() {
        while (true) {
            Request request;
            synchronized (requests) {
                request = requests.poll();
            }
            if (request == null) {
                return;
            }
            try {
                Child child = start(request);
                children.add(child);
                request.answer.complete(child);
            } catch (RuntimeException e) {
                request.answer.completeExceptionally(e);
            }
        }
    }

    private static Child start(Request request) {
        List<Integer> copies = new ArrayList<>();
        try (Memory memory = new Memory(2048)) {
            memory.clear();
            long base = Pointer.nativeValue(memory);
            long actions = base + 64;
            int executable = LibC.fcntl(request.executable, LibC.F_DUPFD_CLOEXEC, HIGH_FD);
            copies.add(executable);
            check(LibC.posix_spawn_file_actions_init(actions));
            try {
                int target = Child.FIRST_FD;
                for (int fd : request.descriptors) {
                    int copy = LibC.fcntl(fd, LibC.F_DUPFD_CLOEXEC, HIGH_FD);
                    copies.add(copy);
                    check(LibC.posix_spawn_file_actions_adddup2(actions, copy, target++));
                }
                // argv = {"vm-guest-code", NULL}, envp = {NULL}
                memory.setString(1024, "vm-guest-code");
                memory.setLong(16, base + 1024);
                check(LibC.posix_spawn(base, "/proc/self/fd/" + executable, actions, 0, base + 16, base + 24));
            } finally {
                LibC.posix_spawn_file_actions_destroy(actions);
            }
            int pid = memory.getInt(0);
            int pidfd = (int) LibC.syscall(LibC.SYS_PIDFD_OPEN, pid, 0, 0, 0, 0, 0);
            return new Child(pid, pidfd, request.onExit);
        } catch (LastErrorException e) {
            throw new HostLacks("cannot start a process for guest code: " + e.getMessage(), e);
        } finally {
            for (int fd : copies) {
                LibC.close(fd);
            }
        }
    }

    private static void check(int errno) {
        if (errno != 0) {
            throw new HostLacks("cannot start a process for guest code (posix_spawn): errno " + errno
                    + (errno == 11 ? ": too many processes (ulimit -u)" : "")
                    + (errno == 13 ? ": executing memory files is forbidden here (vm.memfd_noexec?)" : ""));
        }
    }
}
