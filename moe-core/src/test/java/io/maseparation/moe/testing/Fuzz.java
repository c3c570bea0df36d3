package io.maseparation.moe.testing;

import com.sun.management.ThreadMXBean;
import io.maseparation.kernels.ArrayMemory;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/** Damage that fuzz tests do to files, and what they hold against those who read them. */
public final class Fuzz {
    /** How many times as much as usual is tried: {@code -Dma.fuzzTimes=N}. */
    public static final int TIMES = Integer.getInteger("ma.fuzzTimes", 1);

    /** Most bytes that reading a small file may take. What a number in it claims is often more. */
    public static final long MOST_BYTES = 48L << 20;

    /** JSON values, and some that are not, of every kind: one of them is wrong wherever another one is right. */
    public static final List<String> VALUES = List.of(
            "null", "true", "-1", "0", "1e999", "-1e308", "NaN", "Infinity", "18446744073709551616", "0.5", "\"\"",
            "\"\\ud800\"", "\"\\u0000\\n\"", "[]", "{}", "[[[]]]", "{\"a\": 1, \"a\": 2}", "\"../../../etc/passwd\"",
            "2147483647", "2147483648", "-0.0", "1e-320", "1e38", "\"" + "x".repeat(3000) + "\"", "[".repeat(3000),
            "{\"a\":".repeat(1200), "1" + "0".repeat(2000), "1e1000000000", "[null]", "[1, \"a\", {}, -1]", "\"1\"",
            "1", "2", "3", "65536", "9007199254740993");

    private static final BufferPoolMXBean DIRECT = ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
            .filter(pool -> pool.getName().equals("direct"))
            .findFirst()
            .orElseThrow();

    private Fuzz() {}

    /** A file with some damage: bytes, values of other kinds, what is missing at the end, what is there twice. */
    public static byte[] damaged(byte[] bytes, Random random) {
        byte[] result = bytes.clone();
        for (int i = 1 + random.nextInt(2); i > 0 && result.length > 0; i--) {
            int at = random.nextInt(result.length);
            switch (random.nextInt(6)) {
                case 0 -> result[at] = (byte) random.nextInt(256);
                case 1 -> result = Arrays.copyOf(result, at);
                case 2 -> {
                    int to = Math.min(result.length, at + random.nextInt(60));
                    byte[] twice = Arrays.copyOf(result, result.length + to - at);
                    System.arraycopy(result, at, twice, to, result.length - at);
                    result = twice;
                }
                default -> result = withOtherValue(new String(result, StandardCharsets.ISO_8859_1), at, random)
                        .getBytes(StandardCharsets.ISO_8859_1);
            }
        }
        return result;
    }

    /** The value after the last colon or bracket before a place becomes another one. */
    private static String withOtherValue(String text, int at, Random random) {
        int start = Math.max(text.lastIndexOf(':', at), text.lastIndexOf('[', at)) + 1;
        int end = start;
        while (end < text.length() && ",]}\n".indexOf(text.charAt(end)) < 0) {
            end++;
        }
        return start == 0 ? text : text.substring(0, start) + value(random) + text.substring(end);
    }

    /** Any of the values. */
    public static String value(Random random) {
        return VALUES.get(random.nextInt(VALUES.size()));
    }

    /**
     * Bytes that all threads take from the heap while something runs, and those that direct buffers and arrays of
     * devices hold at the worst moment beyond what they held before. What a checkpoint's files are mapped to is not
     * counted, nor what native libraries take.
     */
    public static long allocated(Runnable what) {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long reserved = reserved();
        AtomicLong most = new AtomicLong(reserved);
        AtomicBoolean ended = new AtomicBoolean();
        Thread watch = Thread.ofPlatform().daemon().start(() -> {
            while (!ended.get()) {
                most.accumulateAndGet(reserved(), Math::max);
                LockSupport.parkNanos(100_000);
            }
        });
        long before = threads.getTotalThreadAllocatedBytes();
        try {
            what.run();
        } finally {
            ended.set(true);
        }
        long heap = threads.getTotalThreadAllocatedBytes() - before;
        most.accumulateAndGet(reserved(), Math::max);
        try {
            watch.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return heap + most.get() - reserved;
    }

    private static long reserved() {
        return DIRECT.getMemoryUsed() + ArrayMemory.bytes();
    }
}
