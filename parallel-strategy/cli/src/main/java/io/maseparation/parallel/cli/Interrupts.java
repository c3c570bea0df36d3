package io.maseparation.parallel.cli;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Lets work that Ctrl-C ends say what it has: the JVM, which then ends with status 130, waits until that is printed.
 */
final class Interrupts implements AutoCloseable {
    private static final long MOST_SECONDS = 20;

    private final CountDownLatch done = new CountDownLatch(1);
    private final Thread hook;

    private Interrupts(Runnable cancel) {
        hook = new Thread(() -> {
            cancel.run();
            try {
                done.await(MOST_SECONDS, TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }, "interrupted");
    }

    /** Has work cancelled on Ctrl-C, until this is closed. */
    static Interrupts during(Runnable cancel) {
        Interrupts interrupts = new Interrupts(cancel);
        Runtime.getRuntime().addShutdownHook(interrupts.hook);
        return interrupts;
    }

    /** All that there is to say has been said. */
    @Override
    public void close() {
        done.countDown();
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // It is at work.
        }
    }
}
