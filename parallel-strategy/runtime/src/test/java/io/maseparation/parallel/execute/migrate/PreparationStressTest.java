package io.maseparation.parallel.execute.migrate;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Work that succeeds, fails or drags on, left alone or killed at any moment: one outcome, and nothing left behind. */
@Timeout(120)
class PreparationStressTest {
    private static final int OWNERS = 6;
    private static final long HANGS_AFTER_MILLIS = 30_000;

    private final ExecutorService threads =
            Executors.newCachedThreadPool(Thread.ofPlatform().daemon().factory());

    @AfterEach
    void endThreads() {
        threads.shutdownNow();
    }

    /** Ways for the work to go. */
    private enum Ending {
        MADE, NOTHING_MADE, EXCEPTION, ERROR,
        /** Only an interrupt ends it, by an exception. */
        HELD_THEN_EXCEPTION,
        /** Only an interrupt ends it, and it has made something all the same. */
        HELD_THEN_MADE,
        /** Pays no heed to interrupts. */
        DEAF_THEN_MADE
    }

    /** What the work makes; it has to be disposed of once, or else be handed over. */
    private static final class Made {
        private final AtomicInteger disposals = new AtomicInteger();
    }

    /** Work that notes what it did. */
    private static final class Work {
        private final Ending ending;
        private final long nanos;
        private final AtomicInteger runs = new AtomicInteger();
        private volatile Thread thread;
        private volatile Made made;
        private volatile Throwable thrown;

        Work(Ending ending, long nanos) {
            this.ending = ending;
            this.nanos = nanos;
        }

        Optional<Made> run() {
            thread = Thread.currentThread();
            runs.incrementAndGet();
            pause();
            return switch (ending) {
                case MADE, HELD_THEN_MADE, DEAF_THEN_MADE -> {
                    made = new Made();
                    yield Optional.of(made);
                }
                case NOTHING_MADE -> Optional.empty();
                case EXCEPTION, HELD_THEN_EXCEPTION -> {
                    IllegalStateException e = new IllegalStateException("planted");
                    thrown = e;
                    throw e;
                }
                case ERROR -> {
                    OutOfMemoryError e = new OutOfMemoryError("planted");
                    thrown = e;
                    throw e;
                }
            };
        }

        private void pause() {
            boolean held = ending == Ending.HELD_THEN_EXCEPTION || ending == Ending.HELD_THEN_MADE;
            long end = System.nanoTime() + (held ? TimeUnit.MILLISECONDS.toNanos(HANGS_AFTER_MILLIS) : nanos);
            while (System.nanoTime() < end && (ending == Ending.DEAF_THEN_MADE || !thread.isInterrupted())) {
                LockSupport.parkNanos(Math.max(1, Math.min(end - System.nanoTime(), 100_000_000)));
            }
        }
    }

    @Test
    void anyWorkKilledAtAnyMomentHasOneOutcomeAndLeavesNothing() throws Exception {
        long end = System.nanoTime() + 2_000_000_000L;
        Random random = new Random();
        List<Callable<Void>> owners = new ArrayList<>();
        for (int i = 0; i < OWNERS; i++) {
            Random own = new Random(random.nextLong());
            owners.add(() -> {
                while (System.nanoTime() < end) {
                    Ending ending = Ending.values()[own.nextInt(Ending.values().length)];
                    round(new Work(ending, own.nextInt(3) * (long) own.nextInt(500_000)), own);
                }
                return null;
            });
        }
        List<Future<Void>> futures = new ArrayList<>();
        for (Callable<Void> owner : owners) {
            futures.add(threads.submit(owner));
        }
        for (Future<Void> future : futures) {
            future.get(2 * HANGS_AFTER_MILLIS, TimeUnit.MILLISECONDS);
        }
    }

    private void round(Work work, Random random) throws Exception {
        Preparation<Made> preparation =
                Preparation.start(work::run, made -> made.disposals.incrementAndGet());
        boolean killed = random.nextInt(4) == 0;
        if (killed) {
            LockSupport.parkNanos(random.nextInt(3) * (long) random.nextInt(400_000));
        } else {
            killed = !outcome(preparation, work, random.nextInt(4) * (long) random.nextInt(400_000));
        }
        if (killed) {
            // The run that ends and the application that closes it may both do so.
            Future<?> second = random.nextInt(4) == 0 ? threads.submit(preparation::kill) : null;
            preparation.kill();
            if (second != null) {
                second.get(HANGS_AFTER_MILLIS, TimeUnit.MILLISECONDS);
            }
            if (random.nextBoolean()) {
                preparation.kill();
            }
        }
        assertThat(preparation.endsWithin(HANGS_AFTER_MILLIS)).as("%s ends", work.ending).isTrue();
        assertThat(preparation.isDone()).isTrue();
        assertThat(preparation.nanos()).isEqualTo(preparation.nanos());
        assertThat(work.runs).hasValue(1);
        assertThat(work.thread.join(Duration.ofMillis(HANGS_AFTER_MILLIS))).as("the thread ends").isTrue();
        if (work.made != null) {
            assertThat(work.made.disposals).as("disposals of what %s made", work.ending).hasValue(killed ? 1 : 0);
        }
        if (killed) {
            assertThat(kept(preparation)).as("what a killed preparation still holds").isEmpty();
        } else {
            assertThat(outcome(preparation, work, 0)).as("the same outcome again").isTrue();
        }
    }

    /** Waits for the work, and checks what it came to; false if it has not ended. */
    private static boolean outcome(Preparation<Made> preparation, Work work, long nanos) throws InterruptedException {
        try {
            Optional<Made> result = preparation.await(nanos);
            assertThat(work.thrown).isNull();
            assertThat(result.orElse(null)).isSameAs(work.made);
        } catch (ExecutionException e) {
            assertThat(e.getCause()).isNotNull().isSameAs(work.thrown);
        } catch (TimeoutException e) {
            return false;
        }
        return true;
    }

    private static Optional<Made> kept(Preparation<Made> preparation) throws Exception {
        try {
            return preparation.await(0);
        } catch (ExecutionException e) {
            return Optional.empty();
        }
    }

    /** The owner is interrupted while it waits: it may kill the work, which ends like any other. */
    @Test
    void anOwnerThatIsInterruptedCanKillTheWork() throws Exception {
        long end = System.nanoTime() + 500_000_000L;
        do {
            Work work = new Work(Ending.HELD_THEN_MADE, 0);
            Preparation<Made> preparation =
                    Preparation.start(work::run, made -> made.disposals.incrementAndGet());
            AtomicReference<Thread> owner = new AtomicReference<>();
            CountDownLatch waiting = new CountDownLatch(1);
            Future<Boolean> interrupted = threads.submit(() -> {
                owner.set(Thread.currentThread());
                waiting.countDown();
                try {
                    preparation.await(TimeUnit.MILLISECONDS.toNanos(HANGS_AFTER_MILLIS));
                    return false;
                } catch (InterruptedException e) {
                    preparation.kill();
                    return preparation.endsWithin(HANGS_AFTER_MILLIS);
                }
            });
            waiting.await();
            owner.get().interrupt();
            assertThat(interrupted.get(2 * HANGS_AFTER_MILLIS, TimeUnit.MILLISECONDS)).isTrue();
            assertThat(work.made.disposals).hasValue(1);
        } while (System.nanoTime() < end);
    }

    /** A run goes on with its old layout even where what was made for the new one cannot be freed. */
    @Test
    void killingWorkWithAResultThatCannotBeDisposedOfDoesNotFail() throws Exception {
        AtomicInteger disposals = new AtomicInteger();
        Preparation<Made> preparation = Preparation.start(
                () -> Optional.of(new Made()),
                made -> {
                    disposals.incrementAndGet();
                    throw new IllegalStateException("planted");
                });
        assertThat(preparation.endsWithin(5_000)).isTrue();

        preparation.kill();
        preparation.kill();

        assertThat(disposals).hasValue(1);
        assertThat(kept(preparation)).isEmpty();
    }

    /** Freeing a device's memory may fail; whoever waits for the work to end must not wait on because of that. */
    @Test
    void workHasEndedAlsoWhereItsResultCannotBeDisposedOf() throws Exception {
        AtomicReference<Throwable> uncaught = new AtomicReference<>();
        CountDownLatch begun = new CountDownLatch(1);
        Work work = new Work(Ending.HELD_THEN_MADE, 0);
        Preparation<Made> preparation = Preparation.start(
                () -> {
                    Thread.currentThread().setUncaughtExceptionHandler((thread, e) -> uncaught.set(e));
                    begun.countDown();
                    return work.run();
                },
                made -> {
                    throw new IllegalStateException("planted");
                });
        begun.await();
        preparation.kill();
        assertThat(preparation.endsWithin(5_000)).isTrue();
        work.thread.join();
        assertThat(uncaught.get()).hasMessage("planted");
    }
}
