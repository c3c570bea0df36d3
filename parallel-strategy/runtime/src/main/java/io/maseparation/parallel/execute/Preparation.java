package io.maseparation.parallel.execute;

import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * Work that a thread of its own does beside a run, and that can be killed. What it has made by then, or makes later all
 * the same, is disposed of.
 */
final class Preparation<T> {
    private final CountDownLatch done = new CountDownLatch(1);
    private final Consumer<T> dispose;
    private Thread thread;
    private Optional<T> result = Optional.empty();
    private Throwable failure;
    private final long started = System.nanoTime();
    private long nanos;
    private boolean ended;
    private boolean killed;

    /** The work failed; the cause says how. */
    static final class FailedException extends Exception {
        private static final long serialVersionUID = 1L;

        FailedException(Throwable cause) {
            super(cause);
        }
    }

    private Preparation(Consumer<T> dispose) {
        this.dispose = dispose;
    }

    static <T> Preparation<T> start(Supplier<Optional<T>> work, Consumer<T> dispose) {
        Preparation<T> preparation = new Preparation<>(dispose);
        preparation.thread = Thread.ofPlatform()
                .daemon()
                .name("layout-change")
                .unstarted(() -> preparation.run(work));
        preparation.thread.start();
        return preparation;
    }

    private void run(Supplier<Optional<T>> work) {
        Optional<T> made = Optional.empty();
        Throwable thrown = null;
        try {
            made = work.get();
        } catch (RuntimeException | Error e) {
            thrown = e;
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
     */
    Optional<T> await(long nanos) throws InterruptedException, TimeoutException, FailedException {
        if (!done.await(nanos, TimeUnit.NANOSECONDS)) {
            throw new TimeoutException();
        }
        synchronized (this) {
            if (failure != null) {
                throw new FailedException(failure);
            }
            return result;
        }
    }

    /** Interrupts the work and disposes of its result, now or when there is one. */
    void kill() {
        Optional<T> made;
        synchronized (this) {
            killed = true;
            made = result;
            result = Optional.empty();
        }
        thread.interrupt();
        made.ifPresent(dispose);
    }

    /** Waits for the work to end, for a short time. */
    boolean endsWithin(long millis) throws InterruptedException {
        return done.await(millis, TimeUnit.MILLISECONDS);
    }
}
