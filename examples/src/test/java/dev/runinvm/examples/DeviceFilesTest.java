package dev.runinvm.examples;

import dev.runinvm.junit.RunInVM;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;

/** Device nodes, namespaces, another root: things that only root does. */
@RunInVM
class DeviceFilesTest {
    @Test
    void makesADeviceNode() throws Exception {
        assertEquals(
                new Shell.Result(0, "character special file"),
                Shell.run("mknod /root/null c 1 3 && stat -c %F /root/null && rm /root/null"));
    }

    @Test
    void aNetworkNamespaceStartsEmpty() throws Exception {
        assertEquals(
                new Shell.Result(0, "1"), Shell.run("unshare -n sh -c 'ls /sys/class/net | wc -l; true' | head -1"));
    }

    @Test
    void changesItsRoot() throws Exception {
        assertEquals(
                new Shell.Result(0, "busybox"),
                Shell.run(
                        "mkdir -p /root/other && cp /usr/bin/busybox /root/other/ && chroot /root/other /busybox ls /"));
    }
}
