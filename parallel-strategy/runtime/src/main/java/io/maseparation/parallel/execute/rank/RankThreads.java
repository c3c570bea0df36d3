package io.maseparation.parallel.execute.rank;

import io.maseparation.files.Text;
import io.maseparation.moe.segments.Device;
import io.maseparation.parallel.comm.Communicator;
import io.maseparation.parallel.comm.InProcessCommunicator;
import io.maseparation.parallel.comm.RunAbortedException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;

/** A thread for each rank that lives in this process. */
public final class RankThreads implements Ranks {
    /** How long ranks may take to stop after another one failed. */
    private static final Duration GRACE = Duration.ofSeconds(10);
    /** As long as the experts of a layer take, or its attention. */
    private static final long SPIN_NANOS = 2_000_000;

    private final Map<Integer, ExecutorService> threads = new TreeMap<>();
    private final Set<Thread> own = ConcurrentHashMap.newKeySet();
    private final Duration stallTimeout;

    /**
     * Threads that wait for work.
     *
     * @param ranks the ranks that live here
     * @param stallTimeout time without any rank finishing an operation after which a run counts as stuck
     */
    public RankThreads(List<Integer> ranks, Duration stallTimeout) {
        this.stallTimeout = stallTimeout;
        for (int rank : ranks) {
            ThreadFactory factory = Thread.ofPlatform().daemon().name("rank-" + rank).factory();
            threads.put(rank, Executors.newSingleThreadExecutor(work -> {
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

    /** The ranks that live here, at work on one feed of steps. */
    final class Shift implements Crew {
        private final Deployment deployment;
        private final StepFeed feed;
        private final RunContext context;
        private final CountDownLatch open;
        private final List<Future<?>> running = new ArrayList<>();

        private Shift(Deployment deployment, StepFeed feed, RunContext context) {
            this.deployment = deployment;
            this.feed = feed;
            this.context = context;
            open = new CountDownLatch(threads.size());
        }

        private void start(List<MicroBatchScheduler> schedulers) {
            for (MicroBatchScheduler scheduler : schedulers) {
                context.heartbeat().waits(scheduler.rank());
                running.add(Objects.requireNonNull(threads.get(scheduler.rank())).submit(() -> work(scheduler)));
            }
        }

        private void work(MicroBatchScheduler scheduler) {
            try {
                scheduler.run(feed);
            } catch (RunAbortedException e) {
                // Another rank says why.
            } catch (RuntimeException | Error | InterruptedException e) {
                // The others must not wait for this rank.
                context.comm().abort();
                context.listener().broken(scheduler.rank(), e);
            } finally {
                open.countDown();
            }
        }

        @Override
        public void issue(Step step) {
            feed.issue(step);
        }

        @Override
        public Optional<String> stuck(long since) {
            long silence = Math.min(context.heartbeat().silence(), System.nanoTime() - since);
            return silence > TimeUnit.NANOSECONDS.convert(stallTimeout)
                    ? Optional.of("no rank finished anything for %s s: %s".formatted(
                            Text.number(stallTimeout.toMillis() / 1e3), context.heartbeat().busyRanks()))
                    : Optional.empty();
        }

        @Override
        public boolean end() throws InterruptedException {
            feed.close();
            if (!open.await(GRACE.toSeconds(), TimeUnit.SECONDS)) {
                return false;
            }
            threads.keySet().forEach(rank -> context.recorder().rank(rank).ranOn(
                    deployment.devices().get(rank), deployment.rankDevice(rank).firstRunNanos()));
            return true;
        }

        @Override
        public void abort() {
            feed.abort();
            context.comm().abort();
            if (open.getCount() > 0) {
                running.forEach(f -> f.cancel(true));
            }
        }
    }

    @Override
    public Crew start(Deployment deployment, Team team) {
        return start(deployment, team, new InProcessCommunicator(deployment.ranks(), spinNanos(deployment)));
    }

    /** Ranks on GPUs leave the cores alone while they compute, and there must be enough for all that wait. */
    private static long spinNanos(Deployment deployment) {
        boolean spare = Runtime.getRuntime().availableProcessors() >= 2 * deployment.ranks() + 2;
        return spare && deployment.devices().stream().allMatch(Device::isGpu) ? SPIN_NANOS : 0;
    }

    /** Sets the ranks that live here to work, with something that carries their messages. */
    Shift start(Deployment deployment, Team team, Communicator comm) {
        StepFeed feed = new StepFeed(comm, List.copyOf(threads.keySet()), team.listener());
        RunContext context = new RunContext(
                comm, team.recorder(), team.slots(), team.listener(), team.logits(), team.heartbeat(),
                new FloatPool());
        Shift shift = new Shift(deployment, feed, context);
        shift.start(threads.keySet().stream()
                .map(rank -> new MicroBatchScheduler(deployment, rank, context))
                .toList());
        return shift;
    }

    @Override
    public boolean close() {
        threads.values().forEach(ExecutorService::shutdownNow);
        return threads.values().stream().allMatch(RankThreads::endsSoon);
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
