package dev.runinvm.bench.guest;

import java.net.URI;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Supplier;
import java.util.zip.Deflater;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;

/** Processor-bound work that hardly asks the kernel for anything; each result is checked so that none is optimised away. */
final class CpuWork {
    private static final int BLOCK = 1 << 20;
    private static final int WARM = 12;

    private CpuWork() {}

    /** Runs every kind of work to warm up and three times to measure; the best of each, in milliseconds. */
    static Map<String, Long> all() {
        Map<String, Long> times = new LinkedHashMap<>();
        times.put("loop", best(1, CpuWork::loop));
        times.put("sha256", best(1, CpuWork::digest));
        times.put("deflate", best(1, CpuWork::deflate));
        times.put("sort", best(1, CpuWork::sort));
        // javac is large: until it is compiled itself, what is measured is the JVM's compiler beside it
        times.put("javac", best(WARM, CpuWork::compile));
        return times;
    }

    private static long best(int warmUps, Supplier<Long> work) {
        long expected = work.get();
        long best = Long.MAX_VALUE;
        for (int i = 1; i < warmUps + 3; i++) {
            long start = System.nanoTime();
            if (work.get() != expected) {
                throw new IllegalStateException("the same work gave two results");
            }
            if (i >= warmUps) {
                best = Math.min(best, System.nanoTime() - start);
            }
        }
        return best / 1_000_000;
    }

    private static Long loop() {
        long x = 1;
        for (int i = 0; i < 400_000_000; i++) {
            x = x * 6364136223846793005L + 1442695040888963407L;
        }
        return x;
    }

    private static Long digest() {
        try {
            MessageDigest sha = MessageDigest.getInstance("SHA-256");
            byte[] block = block();
            for (int i = 0; i < 128; i++) {
                sha.update(block);
            }
            return (long) Arrays.hashCode(sha.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private static Long deflate() {
        byte[] block = block();
        byte[] out = new byte[2 * BLOCK];
        long bytes = 0;
        for (int i = 0; i < 8; i++) {
            Deflater deflater = new Deflater();
            deflater.setInput(block);
            deflater.finish();
            bytes += deflater.deflate(out);
            deflater.end();
        }
        return bytes;
    }

    private static Long sort() {
        double[] numbers = new Random(7).doubles(3_000_000).toArray();
        Arrays.sort(numbers);
        return Double.doubleToLongBits(numbers[numbers.length / 2]);
    }

    /** Compiles 10 classes without writing them. */
    private static Long compile() {
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        List<JavaFileObject> sources = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            sources.add(source(i));
        }
        DiagnosticCollector<JavaFileObject> problems = new DiagnosticCollector<>();
        JavaCompiler.CompilationTask task =
                compiler.getTask(null, null, problems, List.of("-proc:none", "-implicit:none"), null, sources);
        try {
            // attributed and flow-analysed, but no class files: those would measure the file system
            com.sun.source.util.JavacTask javac = (com.sun.source.util.JavacTask) task;
            javac.parse();
            long elements = 0;
            for (var element : javac.analyze()) {
                elements += element.getSimpleName().length();
            }
            if (!problems.getDiagnostics().isEmpty()) {
                throw new IllegalStateException(problems.getDiagnostics().toString());
            }
            return elements;
        } catch (java.io.IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private static JavaFileObject source(int number) {
        StringBuilder text =
                new StringBuilder("import java.util.*; import java.util.stream.*;\nclass C" + number + " {\n");
        for (int i = 0; i < 20; i++) {
            text.append("  Map<String, List<Integer>> m")
                    .append(i)
                    .append("(Collection<? extends Number> in) {\n")
                    .append("    return in.stream().map(Number::intValue).filter(n -> n > ")
                    .append(i)
                    .append(
                            ").collect(Collectors.groupingBy(n -> \"k\" + n, TreeMap::new, Collectors.toList()));\n  }\n");
        }
        String code = text.append("}\n").toString();
        return new SimpleJavaFileObject(URI.create("string:///C" + number + ".java"), JavaFileObject.Kind.SOURCE) {
            @Override
            public CharSequence getCharContent(boolean ignoreEncodingErrors) {
                return code;
            }
        };
    }

    /** A mebibyte that compresses about as text does. */
    private static byte[] block() {
        byte[] block = new byte[BLOCK];
        Random random = new Random(42);
        for (int i = 0; i < block.length; i++) {
            block[i] = (byte) ('a' + Math.min(25, Math.abs((int) (random.nextGaussian() * 6))));
        }
        return block;
    }
}
