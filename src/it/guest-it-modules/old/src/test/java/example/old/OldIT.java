package example.old;

import org.junit.Assume;
import org.junit.Ignore;
import org.junit.Test;
import static org.junit.Assert.assertEquals;

public class OldIT {
    @Test
    public void runsOnJUnit4() throws Exception {
        assertEquals(
                "vm",
                new String(java.nio.file.Files.readAllBytes(java.nio.file.Paths.get("/proc/sys/kernel/hostname")))
                        .trim());
    }

    @Test
    public void assumes() {
        Assume.assumeTrue("not here", false);
    }

    @Test
    @Ignore("ignored")
    public void isIgnored() {}
}
