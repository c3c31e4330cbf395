package dev.runinvm.engine.full;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.math.BigInteger;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.zip.CRC32C;
import javax.crypto.Cipher;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/**
 * A JVM that has much in its registers: threads that reckon with vectors, sums of two kinds of floating point, ciphers,
 * large numbers, a connection to itself, timers. What comes out is the same everywhere, so the test reckons it too. It is run in a
 * guest, from a jar of its own.
 */
final class LoadProgram {
    private static final int SIZE = 16 << 10;

    private LoadProgram() {}

    /** One piece of work: from what the round before has left, what is handed to the next. */
    private interface Step {
        byte[] next(byte[] before, int round) throws Exception;
    }

    private static Map<String, Step> steps() {
        Map<String, Step> all = new TreeMap<>();
        all.put("digests", LoadProgram::digests);
        all.put("cipher", LoadProgram::cipher);
        all.put("floats", LoadProgram::floats);
        all.put("bigNumbers", LoadProgram::bigNumbers);
        return all;
    }

    private static byte[] start(String seed) {
        byte[] bytes = new byte[SIZE];
        for (int i = 0; i < SIZE; i++) {
            bytes[i] = (byte) (seed.charAt(i % seed.length()) * 31 + i * 7);
        }
        return bytes;
    }

    private static byte[] digests(byte[] before, int round) throws GeneralSecurityException {
        byte[] all = before.clone();
        for (String name : new String[] {"SHA-256", "SHA-512", "MD5", "SHA-1"}) {
            byte[] sum = MessageDigest.getInstance(name).digest(all);
            System.arraycopy(sum, 0, all, round * 64 % (SIZE - 64), sum.length);
        }
        CRC32C crc = new CRC32C();
        crc.update(all);
        all[0] ^= (byte) crc.getValue();
        return all;
    }

    private static byte[] cipher(byte[] before, int round) throws GeneralSecurityException {
        Cipher aes = Cipher.getInstance("AES/CTR/NoPadding");
        aes.init(
                Cipher.ENCRYPT_MODE,
                new SecretKeySpec(Arrays.copyOf(before, 16), "AES"),
                new IvParameterSpec(Arrays.copyOfRange(before, 16 + round, 32 + round)));
        return aes.doFinal(before);
    }

    /** Loops that the compiler makes vectors of; each element for itself, so their width does not matter. */
    private static byte[] floats(byte[] before, int round) {
        int n = SIZE / 8;
        double[] a = new double[n];
        float[] b = new float[n];
        for (int i = 0; i < n; i++) {
            a[i] = 1 + before[i * 8] / 256.0;
            b[i] = 1 + before[i * 8 + 1] / 256f;
        }
        for (int k = 0; k < 40; k++) {
            for (int i = 0; i < n; i++) {
                a[i] = a[i] * 0.99 + 0.013 * i / (1 + k);
                b[i] = b[i] * 0.97f + 0.011f;
            }
        }
        byte[] after = before.clone();
        for (int i = 0; i < n; i++) {
            long bits = Double.doubleToLongBits(Math.sqrt(a[i])) ^ Float.floatToIntBits(b[i]) * 0x9E3779B97F4A7C15L;
            for (int k = 0; k < 8; k++) {
                after[i * 8 + k] ^= (byte) (bits >>> 8 * k + round % 3);
            }
        }
        return after;
    }

    private static byte[] bigNumbers(byte[] before, int round) {
        BigInteger modulus =
                new BigInteger(1, Arrays.copyOf(before, 128)).setBit(0).setBit(1020);
        BigInteger base = new BigInteger(1, Arrays.copyOfRange(before, 128, 240));
        byte[] power = base.modPow(BigInteger.valueOf(65537 + round), modulus).toByteArray();
        byte[] after = before.clone();
        System.arraycopy(power, 0, after, 0, power.length);
        after[127] ^= (byte) (round + 1);
        return after;
    }

    private static String sum(byte[] bytes) throws GeneralSecurityException {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes), 0, 8);
    }

    private static byte[] fold(Step step, String seed, int rounds, Runnable afterOne) throws Exception {
        byte[] bytes = start(seed);
        for (int i = 0; i < rounds; i++) {
            bytes = step.next(bytes, i);
            if (i == rounds / 10) {
                afterOne.run();
            }
        }
        return bytes;
    }

    /** What comes out: a sum for each kind of work. */
    static Map<String, String> results(String seed, int rounds) throws Exception {
        Map<String, String> all = new TreeMap<>();
        for (Map.Entry<String, Step> step : steps().entrySet()) {
            all.put(step.getKey(), sum(fold(step.getValue(), seed, rounds, () -> {})));
        }
        all.put("socket", sum(fold(LoadProgram::digests, seed + "socket", rounds / 4, () -> {})));
        return all;
    }

    /** Arguments: what it is called, which is the seed too, and how much it has to do. */
    public static void main(String[] arguments) throws Exception {
        String seed = arguments[0];
        int rounds = Integer.parseInt(arguments[1]);
        AtomicBoolean leapt = new AtomicBoolean();
        AtomicLong ticks = new AtomicLong();
        ScheduledExecutorService timers = Executors.newScheduledThreadPool(2, LoadProgram::daemon);
        timers.schedule(() -> leapt.set(true), 1, TimeUnit.HOURS);
        timers.scheduleAtFixedRate(ticks::incrementAndGet, 0, 20, TimeUnit.MILLISECONDS);
        Map<String, Boolean> atWork = new ConcurrentHashMap<>();
        Map<String, Future<byte[]>> work = new TreeMap<>();
        ExecutorService pool = Executors.newCachedThreadPool(LoadProgram::daemon);
        for (Map.Entry<String, Step> step : steps().entrySet()) {
            String name = step.getKey();
            work.put(name, pool.submit(() -> fold(step.getValue(), seed, rounds, () -> atWork.put(name, true))));
        }
        work.put("socket", pool.submit(overASocket(pool, seed, rounds / 4, () -> atWork.put("socket", true))));
        while (atWork.size() < work.size() && work.values().stream().noneMatch(Future::isDone)) {
            Thread.sleep(5);
        }
        Files.createFile(Path.of(seed + ".at-work"));
        for (Map.Entry<String, Future<byte[]>> one : work.entrySet()) {
            say(seed + " " + one.getKey() + " " + sum(one.getValue().get()));
        }
        say(seed + (leapt.get() ? " LEAPT" : " has not leapt") + (ticks.get() > 10 ? "" : " NOR TICKED"));
    }

    private static Thread daemon(Runnable work) {
        Thread thread = new Thread(work);
        thread.setDaemon(true);
        return thread;
    }

    private static void say(String text) {
        System.out.print(text + "\n");
        System.out.flush();
    }

    /** Each round's bytes go to the other end of a connection, which does the reckoning and sends them back. */
    private static Callable<byte[]> overASocket(ExecutorService pool, String seed, int rounds, Runnable afterOne) {
        return () -> {
            try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                    Socket client = new Socket(server.getInetAddress(), server.getLocalPort());
                    Socket other = server.accept()) {
                Future<?> serving = pool.submit(() -> {
                    serve(other, rounds);
                    return null;
                });
                DataOutputStream out = new DataOutputStream(client.getOutputStream());
                DataInputStream in = new DataInputStream(client.getInputStream());
                byte[] result = fold(
                        (before, round) -> {
                            out.write(before);
                            out.flush();
                            byte[] after = new byte[SIZE];
                            in.readFully(after);
                            return after;
                        },
                        seed + "socket",
                        rounds,
                        afterOne);
                serving.get();
                return result;
            }
        };
    }

    private static void serve(Socket socket, int rounds) throws IOException, GeneralSecurityException {
        DataInputStream in = new DataInputStream(socket.getInputStream());
        for (int i = 0; i < rounds; i++) {
            byte[] bytes = new byte[SIZE];
            in.readFully(bytes);
            socket.getOutputStream().write(digests(bytes, i));
        }
    }
}
