package io.maseparation.parallel.threads;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Function;

/** Applies functions to the entries of lists on some threads, which take entries from the front. */
public final class ParallelMap {
    private final String name;
    private final int threads;
    private final Runnable done;

    /**
     * @param name what threads are called, before their number
     * @param threads number of threads at most; results do not depend on it
     * @param done called by any of them after each entry
     */
    public ParallelMap(String name, int threads, Runnable done) {
        this.name = name;
        this.threads = threads;
        this.done = done;
    }

    /**
     * What comes out of each entry, in the order of the entries. An exception or error of the function is thrown here,
     * and entries that no thread has taken by then are left out.
     *
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
