package io.maseparation.parallel.execute.rank;

import io.maseparation.files.Text;
import io.maseparation.parallel.comm.RunAbortedException;
import io.maseparation.parallel.run.RunFailedException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** A thread for each rank, through all layouts of a run. */
public final class RankThreads {
    /** How long ranks may take to stop after another one failed. */
    private static final Duration GRACE = Duration.ofSeconds(10);

    private final List<ExecutorService> threads = new ArrayList<>();
    private final Duration stallTimeout;

    /**
     * Threads that wait for work.
     *
     * @param ranks number of ranks
     * @param stallTimeout time without any rank finishing an operation after which steps fail
     */
    public RankThreads(int ranks, Duration stallTimeout) {
        this.stallTimeout = stallTimeout;
        for (int rank = 0; rank < ranks; rank++) {
            threads.add(Executors.newSingleThreadExecutor(
                    Thread.ofPlatform().daemon().name("rank-" + rank).factory()));
        }
    }

    /** A rank's thread is done; {@code failure} is null if all went well. */
    private record Ended(int rank, @Nullable Throwable failure) {}

    /**
     * Runs steps on all ranks and returns when they are done.
     *
     * @param deployment the plan on its devices
     * @param schedulers each rank's scheduler, made for that deployment
     * @param steps what to run
     * @param firstStep number of the first of these steps since the start of the run
     * @param context what the ranks of the run share
     * @throws RunFailedException if a rank fails or gets stuck; it says which
     */
    public void run(Deployment deployment, List<MicroBatchScheduler> schedulers, List<Step> steps, int firstStep,
            RunContext context) {
        BlockingQueue<Ended> ended = new LinkedBlockingQueue<>();
        List<Future<?>> running = new ArrayList<>();
        for (int i = 0; i < schedulers.size(); i++) {
            int rank = i;
            context.heartbeat().waits(rank);
            running.add(threads.get(rank).submit(() -> {
                Throwable failure = null;
                try {
                    schedulers.get(rank).run(steps, firstStep);
                } catch (RuntimeException | Error | InterruptedException e) {
                    // The others must not wait for this rank.
                    context.comm().abort();
                    failure = e;
                }
                ended.add(new Ended(rank, failure));
            }));
        }
        await(deployment, running, ended, context);
    }

    private void await(
            Deployment deployment, List<Future<?>> running, BlockingQueue<Ended> ended, RunContext context) {
        RunFailedException failure = null;
        Long giveUp = null;
        int open = running.size();
        while (open > 0 && (giveUp == null || System.nanoTime() - giveUp < 0)) {
            try {
                Ended rank = ended.poll(500, TimeUnit.MILLISECONDS);
                if (rank == null) {
                    if (failure == null
                            && context.heartbeat().silence() > TimeUnit.NANOSECONDS.convert(stallTimeout)) {
                        failure = new RunFailedException(
                                "no rank finished anything for %s s: %s"
                                        .formatted(
                                                Text.number(stallTimeout.toMillis() / 1e3),
                                                context.heartbeat().busyRanks()),
                                null);
                        giveUp = System.nanoTime();
                    }
                    continue;
                }
                open--;
                if (rank.failure() != null && !(rank.failure() instanceof RunAbortedException) && failure == null) {
                    failure = Deployment.failure(deployment.plan().ranks().get(rank.rank()), rank.failure());
                    giveUp = System.nanoTime() + GRACE.toNanos();
                }
            } catch (InterruptedException e) {
                failure = new RunFailedException("interrupted", e);
                giveUp = System.nanoTime();
                Thread.currentThread().interrupt();
            }
        }
        if (failure != null) {
            context.comm().abort();
            running.forEach(f -> f.cancel(true));
            throw failure;
        }
    }

    /**
     * Ends all threads.
     *
     * @return false if one of them still runs after ten seconds
     */
    public boolean close() {
        threads.forEach(ExecutorService::shutdownNow);
        return threads.stream().allMatch(RankThreads::endsSoon);
    }

    private static boolean endsSoon(ExecutorService thread) {
        try {
            return thread.awaitTermination(GRACE.toSeconds(), TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }
}
