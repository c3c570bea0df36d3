package io.maseparation.parallel.search;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;

/** Does something with every entry of a list on some threads, which take entries from the front. */
final class Workers {
    private final SearchRequest request;
    private final long all;
    private final AtomicLong done = new AtomicLong();

    /** @param all entries of all lists together, for the progress */
    Workers(SearchRequest request, long all) {
        this.request = request;
        this.all = all;
    }

    /** What comes out of each entry, in the order of the entries; null is allowed. */
    <T, R> List<R> map(List<T> entries, Function<T, R> function) {
        List<R> results = new ArrayList<>(Collections.nCopies(entries.size(), null));
        AtomicInteger next = new AtomicInteger();
        int threads = Math.clamp(entries.size(), 1, request.threads());
        try (ExecutorService pool =
                Executors.newFixedThreadPool(threads, Thread.ofPlatform().daemon().name("search-", 0).factory())) {
            List<Future<?>> running = new ArrayList<>();
            for (int i = 0; i < threads; i++) {
                running.add(pool.submit(() -> {
                    for (int at = next.getAndIncrement(); at < entries.size(); at = next.getAndIncrement()) {
                        // Each entry has a place of its own, which nobody reads before the threads have ended.
                        results.set(at, function.apply(entries.get(at)));
                        request.progress().at(Math.min(all, done.incrementAndGet()), all);
                    }
                }));
            }
            for (Future<?> thread : running) {
                thread.get();
            }
        } catch (ExecutionException e) {
            next.set(entries.size());
            if (e.getCause() instanceof RuntimeException unchecked) {
                throw unchecked;
            }
            throw new IllegalStateException(e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("the search was interrupted", e);
        }
        return results;
    }
}
