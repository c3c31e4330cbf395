package dev.runinvm.engine.image;

import dev.runinvm.engine.HostLacks;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class CommandLineTest {
    private static String after(CommandLine line, String parameter) {
        String text = line.toString();
        assertTrue(text.contains(" " + parameter + "="), text);
        return text.substring(text.indexOf(parameter + "=") + parameter.length() + 1)
                .split(" ")[0];
    }

    private static String decoded(String text) {
        return new String(Base64.getDecoder().decode(text), StandardCharsets.UTF_8);
    }

    @Test
    void theUsersArgumentsComeLast() {
        String line = CommandLine.standard()
                .tscKhz(2_500_000)
                .add(" loglevel=8 ")
                .add("")
                .toString();
        assertTrue(line.startsWith("console=ttyS0 "), line);
        assertTrue(line.endsWith(" tsc_early_khz=2500000 loglevel=8"), line);
        assertTrue(line.contains(" mitigations=off ") && line.contains(" reboot=t "), line);
    }

    @Test
    void commandsSurviveWhateverIsInThem() {
        String command = "echo \"a 'b' ü\"; exit 3 # = $x";
        CommandLine line = CommandLine.standard().command(command);
        assertEquals("command", after(line, "runinvm.mode"));
        assertEquals(command, decoded(after(line, "runinvm.command")));
    }

    @Test
    void plainJavaOptionsAreLeftReadable() {
        assertEquals(
                "-Xmx256m;-Dx=y",
                after(CommandLine.standard().javaOptions(List.of("-Xmx256m", "-Dx=y")), "runinvm.java"));
        assertTrue(!CommandLine.standard().javaOptions(List.of()).toString().contains("runinvm.java"));
    }

    @Test
    void otherJavaOptionsAreQuotedForAShell() {
        CommandLine line = CommandLine.standard().javaOptions(List.of("-Da=b c", "-Dq=it's;"));
        assertEquals("'-Da=b c' '-Dq=it'\\''s;' ", decoded(after(line, "runinvm.java64")));
    }

    @Test
    void lineBreaksAreRefused() {
        assertThrows(HostLacks.class, () -> CommandLine.standard().add("a\nb"));
    }

    @Test
    void aLineTooLongForTheKernelKeepsWhatIsTheKernels() {
        CommandLine line =
                CommandLine.standard("hvc0").command("true " + "x".repeat(2000)).add("loglevel=8");
        assertEquals(List.of(line.toString(), ""), line.divide(8192));
        List<String> parts = line.divide(1023);
        assertTrue(
                parts.get(0).startsWith("console=hvc0 ") && parts.get(0).endsWith(" rdinit=/init loglevel=8"),
                parts.get(0));
        assertTrue(parts.get(1).matches("runinvm.mode=command runinvm.command=[^ ]+"), parts.get(1));
        byte[] archive = CommandLine.archive(parts.get(1));
        String text = new String(archive, StandardCharsets.ISO_8859_1);
        assertTrue(text.startsWith("070701") && text.contains("opt/runinvm/arguments\0"), "no cpio archive");
        assertTrue(text.contains(parts.get(1) + "\n"));
        assertEquals(0, archive.length % 4);
    }
}
