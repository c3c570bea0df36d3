package io.maseparation.kernels.host;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Many callers at once, nested, failing and interrupted: every index once, every failure told, nothing left behind. */
@Timeout(120)
class HostThreadsStressTest {
    private static final int CALLERS = 6;
    private static final long NANOS_PER_TEST = 700_000_000;
    private static final long HANGS_AFTER_SECONDS = 30;

    private final Random random = new Random();
    private final ExecutorService threads =
            Executors.newCachedThreadPool(Thread.ofPlatform().daemon().factory());

    /** What a caller does over and over. */
    @FunctionalInterface
    private interface Round {
        void run(Random random) throws Exception;
    }

    @AfterEach
    void noThreadIsCountedAsWorkingAfterwards() throws Exception {
        threads.shutdownNow();
        Field working = HostThreads.class.getDeclaredField("WORKING");
        working.setAccessible(true);
        AtomicInteger count = (AtomicInteger) working.get(null);
        // A helper that the pool begins late finds nothing to do, and counts itself for that long.
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(HANGS_AFTER_SECONDS);
        while (count.get() != 0 && System.nanoTime() < end) {
            Thread.sleep(1);
        }
        assertThat(count).hasValue(0);
    }

    @Test
    void concurrentAndNestedRangesVisitEveryIndexOnce() throws Exception {
        callers(own -> visit(own, 3));
    }

    /** Visits a range, with ranges inside some of its parts. */
    private static void visit(Random random, int depth) {
        int n = random.nextInt(depth == 3 ? 3000 : 40);
        int grain = 1 + random.nextInt(20);
        long seed = random.nextLong();
        AtomicIntegerArray visits = new AtomicIntegerArray(n);
        HostThreads.forRange(n, grain, (from, to) -> {
            assertThat(from % grain).isZero();
            for (int i = from; i < to; i++) {
                visits.incrementAndGet(i);
            }
            if (depth > 0 && (from + seed) % 3 == 0) {
                visit(new Random(seed + from), depth - 1);
            }
        });
        once(visits);
    }

    private static void once(AtomicIntegerArray visits) {
        for (int i = 0; i < visits.length(); i++) {
            assertThat(visits.get(i)).as("visits of index %d", i).isEqualTo(1);
        }
    }

    @Test
    void aFailureOfAPartReachesItsOwnCallerAndTheOtherPartsAreDone() throws Exception {
        callers(own -> {
            int n = 1 + own.nextInt(400);
            int grain = 1 + own.nextInt(10);
            int oneIn = 1 + own.nextInt(40);
            boolean nested = own.nextBoolean();
            AtomicIntegerArray visits = new AtomicIntegerArray(n);
            AtomicInteger running = new AtomicInteger();
            Set<Throwable> planted = ConcurrentHashMap.newKeySet();
            HostThreads.Range body = (from, to) -> {
                running.incrementAndGet();
                try {
                    for (int i = from; i < to; i++) {
                        visits.incrementAndGet(i);
                    }
                    if (from / grain % oneIn == 0) {
                        fail(planted, from);
                    }
                } finally {
                    running.decrementAndGet();
                }
            };
            List<Throwable> caught = new ArrayList<>();
            try {
                if (nested) {
                    // Half of the range each, in a range of its own; the second half begins at a multiple of the grain.
                    int half = n / 2 / grain * grain;
                    HostThreads.forRange(2, 1, (first, last) -> {
                        for (int part = first; part < last; part++) {
                            int offset = part == 0 ? 0 : half;
                            HostThreads.forRange(part == 0 ? half : n - half, grain,
                                    (from, to) -> body.run(offset + from, offset + to));
                        }
                    });
                } else {
                    HostThreads.forRange(n, grain, body);
                }
            } catch (IllegalStateException | AssertionError e) {
                caught.add(e);
            }
            assertThat(running).as("parts at work after the call").hasValue(0);
            once(visits);
            assertThat(caught).hasSize(planted.isEmpty() ? 0 : 1);
            assertThat(planted).containsAll(caught);
        });
    }

    private static void fail(Set<Throwable> planted, int from) {
        if (from % 2 == 0) {
            IllegalStateException e = new IllegalStateException("planted");
            planted.add(e);
            throw e;
        }
        AssertionError e = new AssertionError("planted");
        planted.add(e);
        throw e;
    }

    @Test
    void aCallerThatIsInterruptedWaitsForItsPartsAndStaysInterrupted() throws Exception {
        callers(own -> {
            int n = 20 + own.nextInt(200);
            int at = own.nextInt(n + n / 4);
            boolean before = at >= n;
            Thread caller = Thread.currentThread();
            AtomicIntegerArray visits = new AtomicIntegerArray(n);
            AtomicInteger running = new AtomicInteger();
            if (before) {
                caller.interrupt();
            }
            HostThreads.forRange(n, 1, (from, to) -> {
                running.incrementAndGet();
                if (from <= at && at < to) {
                    caller.interrupt();
                }
                if (Thread.currentThread() != caller) {
                    // The caller is done with its own parts by then, and waits for this one.
                    LockSupport.parkNanos(200_000);
                }
                for (int i = from; i < to; i++) {
                    visits.incrementAndGet(i);
                }
                running.decrementAndGet();
            });
            boolean interrupted = Thread.interrupted();
            assertThat(running).as("parts at work after the call").hasValue(0);
            once(visits);
            assertThat(interrupted).as("the caller is interrupted").isTrue();
        });
    }

    /** Multiples of the grain beyond the last index do not fit into an int here. */
    @Test
    void theLongestRangesAreDoneToTheirEnd() {
        for (int round = 0; round < 200; round++) {
            int n = Integer.MAX_VALUE - random.nextInt(3);
            int grain = 1 + random.nextInt(1 << (1 + random.nextInt(29)));
            List<long[]> ranges = Collections.synchronizedList(new ArrayList<>());
            HostThreads.forRange(n, grain, (from, to) -> ranges.add(new long[] {from, to}));
            ranges.sort((a, b) -> Long.compare(a[0], b[0]));
            long reached = 0;
            for (long[] range : ranges) {
                assertThat(range[0]).as("start with grain %d", grain).isEqualTo(reached);
                reached = range[1];
            }
            assertThat(reached).as("end with grain %d", grain).isEqualTo(n);
        }
    }

    /** Runs rounds on many threads at once; fails where one fails or hangs. */
    private void callers(Round round) throws Exception {
        long end = System.nanoTime() + NANOS_PER_TEST;
        List<Future<Void>> callers = new ArrayList<>();
        for (int i = 0; i < CALLERS; i++) {
            Random own = new Random(random.nextLong());
            callers.add(threads.submit(() -> {
                do {
                    round.run(own);
                } while (System.nanoTime() < end);
                return null;
            }));
        }
        for (Future<Void> caller : callers) {
            caller.get(HANGS_AFTER_SECONDS, TimeUnit.SECONDS);
        }
    }
}
