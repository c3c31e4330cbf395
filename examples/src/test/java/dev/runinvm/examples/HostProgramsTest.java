package dev.runinvm.examples;

import dev.runinvm.junit.RunInVM;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;

/** Programs of the host, taken along with the libraries that the guest does not have yet. */
@RunInVM(
        files = {
            "/usr/bin/bash:/usr/bin/bash",
            "/usr/bin/perl:/usr/bin/perl",
            "/lib/x86_64-linux-gnu/libtinfo.so.6:/lib/x86_64-linux-gnu/libtinfo.so.6",
            "/lib/x86_64-linux-gnu/libcrypt.so.1:/lib/x86_64-linux-gnu/libcrypt.so.1"
        })
class HostProgramsTest {
    @Test
    void bashForksAndPipes() throws Exception {
        assertEquals(
                new Shell.Result(0, "1 4 9"), Shell.run("bash -c 'for i in {1..3}; do echo $((i * i)); done | xargs'"));
    }

    @Test
    void perlCalculates() throws Exception {
        assertEquals(
                new Shell.Result(0, "2.718281828"),
                Shell.run("perl -e 'my ($e, $t) = (1, 1); $e += $t /= $_ for 1 .. 20; printf \"%.9f\", $e'"));
    }

    @Test
    void aProgramDiesOfASignal() throws Exception {
        assertEquals(new Shell.Result(128 + 11, ""), Shell.run("bash -c 'kill -SEGV $$' 2>/dev/null"));
    }
}
