package dev.runinvm.agent;

import dev.runinvm.wire.GuestMessage;
import dev.runinvm.wire.HostMessage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Consumer;
import java.util.zip.Deflater;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * Runs a small test class over and over, arrived and unpacked as the host's classes are and run as the host's orders would
 * have it run, but tells nobody: afterwards classes of JDK, JUnit and agent are loaded, and their code is compiled.
 */
final class Rehearsal {
    static final String TESTS = "dev.runinvm.agent.rehearsal.WarmUpTests";

    private static final List<String> FILES = List.of("WarmUpTests.class", "WarmUpTests$Inner.class");
    private static final String PACKAGE = "dev/runinvm/agent/rehearsal/";
    private static final int ROUNDS = 100;
    private static final long LONGEST_NANOS = 8_000_000_000L;

    private int tests;
    private long bytes;

    private Rehearsal() {}

    /** One run of {@link #TESTS}. */
    interface Round {
        void run(Consumer<GuestMessage> messages) throws IOException, ReflectiveOperationException;
    }

    /**
     * Does all rounds, or as many as there is time for.
     *
     * @throws IllegalStateException if no test was run
     */
    static void run(Round round) throws IOException, ReflectiveOperationException {
        long start = System.nanoTime();
        for (int i = 0; i < ROUNDS && System.nanoTime() - start < LONGEST_NANOS; i++) {
            Rehearsal rehearsal = new Rehearsal();
            round.run(rehearsal::hear);
            if (rehearsal.tests == 0) {
                throw new IllegalStateException(
                        "no test of " + TESTS + " was found, " + rehearsal.bytes + " bytes told");
            }
        }
    }

    private void hear(GuestMessage message) {
        bytes += GuestMessage.encode(message).length;
        if (message instanceof GuestMessage.Finished) {
            tests++;
        }
    }

    /** The directory of the test class, as it would come from the host. */
    static byte[] directory() throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
            zip.setLevel(Deflater.NO_COMPRESSION);
            for (String file : FILES) {
                zip.putNextEntry(new ZipEntry(PACKAGE + file));
                try (InputStream in = Rehearsal.class.getResourceAsStream("/" + PACKAGE + file)) {
                    if (in == null) {
                        throw new IOException("the agent lacks " + PACKAGE + file);
                    }
                    in.transferTo(zip);
                }
                zip.closeEntry();
            }
        }
        return bytes.toByteArray();
    }

    /** The announcement of {@link #directory}. */
    static HostMessage.Put announcement(byte[] directory) {
        try {
            String hash = HexFormat.of()
                    .formatHex(MessageDigest.getInstance("SHA-256").digest(directory));
            return new HostMessage.Put(hash, HostMessage.EntryKind.DIRECTORY, "rehearsal.zip", directory.length);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }
}
