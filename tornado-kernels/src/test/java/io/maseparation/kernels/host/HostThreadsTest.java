package io.maseparation.kernels.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.locks.LockSupport;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class HostThreadsTest {
    @Property(tries = 300)
    void everyIndexIsVisitedOnceInRangesThatStartAtTheGrain(
            @ForAll @IntRange(max = 5000) int n, @ForAll @IntRange(min = 1, max = 700) int grain) {
        AtomicIntegerArray visits = new AtomicIntegerArray(n);
        HostThreads.forRange(n, grain, (from, to) -> {
            assertThat(from % grain).isZero();
            for (int i = from; i < to; i++) {
                visits.incrementAndGet(i);
            }
        });
        for (int i = 0; i < n; i++) {
            assertThat(visits.get(i)).isEqualTo(1);
        }
    }

    /** Many rank threads at once, with a pool whose own threads are all held up: the callers do the work themselves. */
    @Test
    @Timeout(60)
    void callersNeverWaitForThePool() throws Exception {
        int pool = Math.max(1, ForkJoinPool.getCommonPoolParallelism());
        Thread main = Thread.currentThread();
        List<Future<?>> held = new ArrayList<>();
        boolean[] release = new boolean[1];
        for (int i = 0; i < pool; i++) {
            held.add(ForkJoinPool.commonPool().submit(() -> {
                synchronized (release) {
                    while (!release[0]) {
                        try {
                            release.wait();
                        } catch (InterruptedException e) {
                            LockSupport.unpark(main);
                        }
                    }
                }
            }));
        }
        ExecutorService ranks = Executors.newFixedThreadPool(6);
        try {
            List<Future<Integer>> sums = new ArrayList<>();
            for (int rank = 0; rank < 6; rank++) {
                sums.add(ranks.submit(() -> {
                    int total = 0;
                    for (int round = 0; round < 2000; round++) {
                        AtomicIntegerArray sum = new AtomicIntegerArray(1);
                        HostThreads.forRange(1000, 10, (from, to) -> sum.addAndGet(0, to - from));
                        total += sum.get(0);
                    }
                    return total;
                }));
            }
            for (Future<Integer> sum : sums) {
                assertThat(sum.get(30, TimeUnit.SECONDS)).isEqualTo(2_000_000);
            }
        } finally {
            synchronized (release) {
                release[0] = true;
                release.notifyAll();
            }
            ranks.shutdownNow();
        }
        for (Future<?> task : held) {
            task.get(10, TimeUnit.SECONDS);
        }
    }

    @Test
    void aFailureReachesTheCallerAfterAllPartsHaveEnded() {
        assertThatThrownBy(() -> HostThreads.forRange(1000, 1, (from, to) -> {
            throw new IllegalStateException("planted");
        })).isInstanceOf(IllegalStateException.class).hasMessage("planted");
    }
}
