package io.maseparation.parallel.execute.migrate;

import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * Work that a thread of its own does beside a run, and that can be killed. What it has made by then, or makes later all
 * the same, is disposed of.
 */
final class Preparation<T> {
    private static final System.Logger LOG = System.getLogger(Preparation.class.getName());

    private final CountDownLatch done = new CountDownLatch(1);
    private final Consumer<T> dispose;
    private final Thread thread;
    private Optional<T> result = Optional.empty();
    private Optional<Throwable> failure = Optional.empty();
    private final long started = System.nanoTime();
    private long nanos;
    private boolean ended;
    private boolean killed;

    private Preparation(Supplier<Optional<T>> work, Consumer<T> dispose) {
        this.dispose = dispose;
        thread = Thread.ofPlatform().daemon().name("layout-change").unstarted(() -> run(work));
    }

    static <T> Preparation<T> start(Supplier<Optional<T>> work, Consumer<T> dispose) {
        Preparation<T> preparation = new Preparation<>(work, dispose);
        preparation.thread.start();
        return preparation;
    }

    private void run(Supplier<Optional<T>> work) {
        Optional<T> made = Optional.empty();
        Optional<Throwable> thrown = Optional.empty();
        try {
            made = work.get();
        } catch (RuntimeException | Error e) {
            thrown = Optional.of(e);
        }
        boolean late;
        synchronized (this) {
            late = killed;
            ended = true;
            nanos = System.nanoTime() - started;
            if (!late) {
                result = made;
            }
            failure = thrown;
        }
        try {
            if (late) {
                made.ifPresent(dispose);
            }
        } finally {
            done.countDown();
        }
    }

    /** Time that the work took, or has taken so far. */
    synchronized long nanos() {
        return ended ? nanos : System.nanoTime() - started;
    }

    boolean isDone() {
        return done.getCount() == 0;
    }

    /**
     * What the work made; nothing if it was killed.
     *
     * @param nanos longest wait
     * @throws TimeoutException if the work has not ended by then
     * @throws ExecutionException if the work failed; the cause says how
     */
    Optional<T> await(long nanos) throws InterruptedException, TimeoutException, ExecutionException {
        if (!done.await(nanos, TimeUnit.NANOSECONDS)) {
            throw new TimeoutException();
        }
        synchronized (this) {
            if (failure.isPresent()) {
                throw new ExecutionException(failure.get());
            }
            return result;
        }
    }

    /**
     * Interrupts the work and disposes of its result, now or when there is one. A result that cannot be disposed of is
     * no reason for the run that goes on to fail.
     */
    void kill() {
        Optional<T> made;
        synchronized (this) {
            killed = true;
            made = result;
            result = Optional.empty();
        }
        thread.interrupt();
        try {
            made.ifPresent(dispose);
        } catch (RuntimeException | Error e) {
            LOG.log(System.Logger.Level.WARNING, "the memory of a layout that was given up is not freed", e);
        }
    }

    /** Waits for the work to end, for a short time. */
    boolean endsWithin(long millis) throws InterruptedException {
        return done.await(millis, TimeUnit.MILLISECONDS);
    }
}
