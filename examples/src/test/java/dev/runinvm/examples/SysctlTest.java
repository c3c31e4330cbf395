package dev.runinvm.examples;

import dev.runinvm.junit.RunInVM;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

/** Settings of the kernel that no test may touch on a machine that others use. */
@RunInVM
class SysctlTest {
    @Test
    void writesASysctl() throws Exception {
        Files.writeString(Path.of("/proc/sys/vm/swappiness"), "17\n");
        assertEquals(new Shell.Result(0, "17"), Shell.run("sysctl -n vm.swappiness"));
    }

    @Test
    void aPrivilegedPortIsOneOfAThousandLikeIt() throws IOException {
        try (ServerSocket server = new ServerSocket(80, 1, InetAddress.getLoopbackAddress());
                Socket client = new Socket(server.getInetAddress(), 80);
                Socket accepted = server.accept()) {
            client.getOutputStream().write(42);
            assertEquals(42, accepted.getInputStream().read());
        }
    }

    @Test
    void fewerEphemeralPortsRunOut() throws IOException {
        Files.writeString(Path.of("/proc/sys/net/ipv4/ip_local_port_range"), "50000 50001\n");
        try (ServerSocket one = new ServerSocket(0);
                ServerSocket two = new ServerSocket(0)) {
            assertEquals(100001, one.getLocalPort() + two.getLocalPort());
            assertThrows(IOException.class, () -> new ServerSocket(0).close());
        }
    }
}
