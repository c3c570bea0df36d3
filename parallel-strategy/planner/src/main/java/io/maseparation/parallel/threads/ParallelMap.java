package io.maseparation.parallel.threads;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Function;

/** Applies functions to the entries of lists on several threads, in the order of the entries. */
public final class ParallelMap {
    private final String name;
    private final int threads;
    private final Runnable done;

    /**
     * Sets up a map; threads start with each call of {@link #map}.
     *
     * @param name start of the threads' names, before their number
     * @param threads number of threads at most, at least 1; results do not depend on it
     * @param done called after each entry, by the thread that computed it
     */
    public ParallelMap(String name, int threads, Runnable done) {
        this.name = name;
        this.threads = threads;
        this.done = done;
    }

    /**
     * Applies a function to all entries. If the function throws an exception or error, it is thrown here, and entries
     * that no thread has taken by then are skipped.
     *
     * @param <T> type of the entries
     * @param <R> type of the results
     * @param entries what the function is applied to
     * @param function called from several threads at once
     * @return the results, in the order of the entries
     * @throws CancellationException if the calling thread is interrupted
     */
    public <T, R> List<R> map(List<T> entries, Function<T, R> function) {
        ExecutorService pool = Executors.newFixedThreadPool(
                Math.clamp(entries.size(), 1, threads),
                Thread.ofPlatform().daemon().name(name + "-", 0).factory());
        try {
            List<Future<R>> running = new ArrayList<>();
            for (T entry : entries) {
                running.add(pool.submit(() -> {
                    R result = function.apply(entry);
                    done.run();
                    return result;
                }));
            }
            List<R> results = new ArrayList<>();
            for (Future<R> one : running) {
                results.add(one.get());
            }
            return results;
        } catch (ExecutionException e) {
            switch (e.getCause()) {
                case RuntimeException failure -> throw failure;
                case Error failure -> throw failure;
                case null, default -> throw new IllegalStateException(e.getCause());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancellationException("interrupted");
        } finally {
            pool.shutdownNow();
        }
    }
}
