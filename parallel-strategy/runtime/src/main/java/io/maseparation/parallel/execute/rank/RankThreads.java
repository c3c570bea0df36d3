package io.maseparation.parallel.execute.rank;

import io.maseparation.files.Text;
import io.maseparation.parallel.comm.RunAbortedException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;

/** A thread for each rank, through all layouts of a run. */
public final class RankThreads {
    /** How long ranks may take to stop after another one failed. */
    private static final Duration GRACE = Duration.ofSeconds(10);

    private final List<ExecutorService> threads = new ArrayList<>();
    private final Set<Thread> own = ConcurrentHashMap.newKeySet();
    private final Duration stallTimeout;

    /**
     * Threads that wait for work.
     *
     * @param ranks number of ranks
     * @param stallTimeout time without any rank finishing an operation after which a run counts as stuck
     */
    public RankThreads(int ranks, Duration stallTimeout) {
        this.stallTimeout = stallTimeout;
        for (int rank = 0; rank < ranks; rank++) {
            ThreadFactory factory = Thread.ofPlatform().daemon().name("rank-" + rank).factory();
            threads.add(Executors.newSingleThreadExecutor(work -> {
                Thread thread = factory.newThread(work);
                own.add(thread);
                return thread;
            }));
        }
    }

    /** {@return whether the calling thread is one of them} */
    public boolean haveCaller() {
        return own.contains(Thread.currentThread());
    }

    /** All ranks at work on one feed of steps. */
    public final class Shift {
        private final StepFeed feed;
        private final RunContext context;
        private final CountDownLatch open;
        private final List<Future<?>> running = new ArrayList<>();

        private Shift(StepFeed feed, RunContext context, int ranks) {
            this.feed = feed;
            this.context = context;
            open = new CountDownLatch(ranks);
        }

        private void start(List<MicroBatchScheduler> schedulers) {
            for (int i = 0; i < schedulers.size(); i++) {
                int rank = i;
                context.heartbeat().waits(rank);
                running.add(threads.get(rank).submit(() -> work(schedulers.get(rank), rank)));
            }
        }

        private void work(MicroBatchScheduler scheduler, int rank) {
            try {
                scheduler.run(feed);
            } catch (RunAbortedException e) {
                // Another rank says why.
            } catch (RuntimeException | Error | InterruptedException e) {
                // The others must not wait for this rank.
                context.comm().abort();
                context.listener().broken(rank, e);
            } finally {
                open.countDown();
            }
        }

        /**
         * {@return what the ranks are doing, if none of them has finished anything for so long that they are stuck}
         *
         * @param since when a rank had something to do at the earliest, by {@link System#nanoTime}
         */
        public Optional<String> stuck(long since) {
            long silence = Math.min(context.heartbeat().silence(), System.nanoTime() - since);
            return silence > TimeUnit.NANOSECONDS.convert(stallTimeout)
                    ? Optional.of("no rank finished anything for %s s: %s".formatted(
                            Text.number(stallTimeout.toMillis() / 1e3), context.heartbeat().busyRanks()))
                    : Optional.empty();
        }

        /**
         * Ends the shift after the steps that were issued, which have ended: waits until all ranks are at rest.
         *
         * @return false if one of them is not after ten seconds
         * @throws InterruptedException if interrupted
         */
        public boolean end() throws InterruptedException {
            feed.close();
            return open.await(GRACE.toSeconds(), TimeUnit.SECONDS);
        }

        /** Ends the shift wherever its ranks are, each at the next operation; does not wait for them. */
        public void abort() {
            feed.abort();
            context.comm().abort();
            if (open.getCount() > 0) {
                running.forEach(f -> f.cancel(true));
            }
        }
    }

    /**
     * Sets all ranks to work.
     *
     * @param schedulers each rank's scheduler, made for the same deployment and context
     * @param feed hands out steps
     * @param context what the ranks share
     * @return what they are at until the feed is closed, one of them fails, or it is aborted
     */
    public Shift start(List<MicroBatchScheduler> schedulers, StepFeed feed, RunContext context) {
        Shift shift = new Shift(feed, context, schedulers.size());
        shift.start(schedulers);
        return shift;
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

    /** An interrupt must not keep memory from being freed: the thread stays interrupted, and waits all the same. */
    private static boolean endsSoon(ExecutorService thread) {
        long deadline = System.nanoTime() + GRACE.toNanos();
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return thread.awaitTermination(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
