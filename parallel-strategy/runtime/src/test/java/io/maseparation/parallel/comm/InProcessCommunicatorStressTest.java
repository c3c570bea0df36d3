package io.maseparation.parallel.comm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.maseparation.parallel.layout.Tensor;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Many ranks at once, in orders that differ from run to run: no message is lost or doubled, and no rank hangs. */
@Timeout(120)
class InProcessCommunicatorStressTest {
    private static final long NANOS_PER_TEST = 700_000_000;
    private static final long HANGS_AFTER_SECONDS = 30;

    private final Random random = new Random();
    private final ExecutorService threads =
            Executors.newCachedThreadPool(Thread.ofPlatform().daemon().factory());

    @AfterEach
    void endThreads() {
        threads.shutdownNow();
    }

    /** A message and its receiver. */
    private record Sent(int to, MessageKey key) {
        Message message(int communicator) {
            return new Message(
                    new int[] {communicator, to, key.from(), key.layer(), key.phase(), key.microBatch(), key.step()},
                    new float[] {key.tensor().ordinal()});
        }
    }

    @Test
    void everyMessageArrivesOnceAtItsReceiverWithSeveralCommunicatorsAtOnce() throws Exception {
        long end = System.nanoTime() + NANOS_PER_TEST;
        do {
            List<Callable<Void>> ranks = new ArrayList<>();
            List<Communicator> communicators = new ArrayList<>();
            List<List<Sent>> traffic = new ArrayList<>();
            for (int c = 0; c < 3; c++) {
                int n = 2 + random.nextInt(5);
                Communicator comm = new InProcessCommunicator(n);
                List<Sent> all = traffic(n);
                communicators.add(comm);
                traffic.add(all);
                for (int rank = 0; rank < n; rank++) {
                    int communicator = c;
                    int own = rank;
                    long seed = random.nextLong();
                    ranks.add(() -> exchange(communicator, comm, own, all, new Random(seed)));
                }
            }
            all(ranks);
            for (int c = 0; c < communicators.size(); c++) {
                Communicator comm = communicators.get(c);
                for (Sent sent : traffic.get(c)) {
                    assertThat(comm.poll(sent.to, sent.key)).as("taken before: %s", sent).isNull();
                    long addressed = traffic.get(c).stream().filter(s -> s.to == sent.to).count();
                    assertThat(comm.arrivals(sent.to)).isEqualTo(addressed);
                }
            }
        } while (System.nanoTime() < end);
    }

    /** Messages of some steps and micro-batches; a sender uses the same keys for all its receivers, itself included. */
    private List<Sent> traffic(int ranks) {
        List<Sent> all = new ArrayList<>();
        int microBatches = 1 + random.nextInt(3);
        for (int step = 0; step < 2; step++) {
            for (int microBatch = 0; microBatch < microBatches; microBatch++) {
                for (int from = 0; from < ranks; from++) {
                    Tensor tensor = Tensor.values()[random.nextInt(Tensor.values().length)];
                    MessageKey key =
                            new MessageKey(from, tensor, random.nextInt(3), random.nextInt(2), microBatch, step);
                    for (int to = 0; to < ranks; to++) {
                        if (random.nextInt(4) > 0) {
                            all.add(new Sent(to, key));
                        }
                    }
                }
            }
        }
        return all;
    }

    /** A rank sends its messages in any order, and takes those for it in another one, waiting when it must. */
    private static Void exchange(int communicator, Communicator comm, int rank, List<Sent> all, Random random)
            throws InterruptedException {
        List<Sent> mine = new ArrayList<>(
                all.stream().filter(s -> s.key.from() == rank).toList());
        List<Sent> awaited =
                new ArrayList<>(all.stream().filter(s -> s.to == rank).toList());
        Collections.shuffle(mine, random);
        Collections.shuffle(awaited, random);
        Deque<Sent> toSend = new ArrayDeque<>(mine);
        while (!toSend.isEmpty() || !awaited.isEmpty()) {
            for (int i = random.nextInt(4); i > 0 && !toSend.isEmpty(); i--) {
                Sent next = toSend.remove();
                comm.send(next.to, next.key, next.message(communicator));
            }
            long seen = comm.arrivals(rank);
            boolean took = awaited.removeIf(next -> {
                Message message = comm.poll(rank, next.key);
                if (message != null) {
                    assertThat(message.ints()).isEqualTo(next.message(communicator).ints());
                    assertThat(message.floats()).isEqualTo(next.message(communicator).floats());
                }
                return message != null;
            });
            if (!took && toSend.isEmpty() && !awaited.isEmpty()) {
                comm.awaitArrival(rank, seen);
            }
        }
        return null;
    }

    @Test
    void anAbortEndsEveryRankThatWaitsOrWillWaitAndNoOtherCommunicator() throws Exception {
        long end = System.nanoTime() + NANOS_PER_TEST;
        do {
            int n = 2 + random.nextInt(6);
            Communicator comm = new InProcessCommunicator(n);
            Communicator other = new InProcessCommunicator(n);
            MessageKey late = new MessageKey(0, Tensor.HIDDEN, 0, 0, 0, 0);
            List<Callable<Void>> tasks = new ArrayList<>();
            for (int rank = 0; rank < n; rank++) {
                int own = rank;
                long seed = random.nextLong();
                tasks.add(() -> {
                    assertThatThrownBy(() -> sendAndWaitForEver(comm, own, n, new Random(seed)))
                            .isInstanceOf(RunAbortedException.class);
                    // Also where messages have arrived, and when asked again.
                    assertThatThrownBy(() -> comm.awaitArrival(own, -1)).isInstanceOf(RunAbortedException.class);
                    assertThatThrownBy(() -> comm.poll(own, late)).isInstanceOf(RunAbortedException.class);
                    return null;
                });
                tasks.add(() -> {
                    other.awaitArrival(own, 0);
                    assertThat(other.poll(own, late)).isNotNull();
                    return null;
                });
            }
            int aborting = 1 + random.nextInt(2);
            for (int i = 0; i < aborting; i++) {
                long nanos = random.nextInt(3) * 300_000L;
                tasks.add(() -> {
                    LockSupport.parkNanos(nanos);
                    comm.abort();
                    return null;
                });
            }
            tasks.add(() -> {
                assertThatThrownBy(() -> comm.awaitArrival(0, Long.MAX_VALUE))
                        .isInstanceOf(RunAbortedException.class);
                for (int rank = 0; rank < n; rank++) {
                    other.send(rank, late, new Message(new int[] {rank}, new float[0]));
                }
                return null;
            });
            all(tasks);
        } while (System.nanoTime() < end);
    }

    private static void sendAndWaitForEver(Communicator comm, int rank, int ranks, Random random)
            throws InterruptedException {
        for (int step = 0;; step++) {
            int to = random.nextInt(ranks);
            if (random.nextBoolean()) {
                comm.send(to, new MessageKey(rank, Tensor.PARTIAL, 0, 0, 0, step),
                        new Message(new int[1], new float[1]));
            }
            long seen = comm.arrivals(rank);
            if (random.nextInt(8) == 0) {
                comm.awaitArrival(rank, seen);
            } else {
                comm.poll(rank, new MessageKey(to, Tensor.PARTIAL, 0, 0, 0, step));
            }
        }
    }

    @Test
    void interruptsEndAWaitAndLoseNoMessage() throws Exception {
        long end = System.nanoTime() + NANOS_PER_TEST;
        int messages = 200;
        do {
            Communicator comm = new InProcessCommunicator(2);
            AtomicBoolean received = new AtomicBoolean();
            CountDownLatch receiving = new CountDownLatch(1);
            Thread[] receiver = new Thread[1];
            long[] seeds = random.longs(2).toArray();
            all(List.of(
                    () -> {
                        receiver[0] = Thread.currentThread();
                        receiving.countDown();
                        for (int step = 0; step < messages; step++) {
                            Message message = receiveThroughInterrupts(comm, key(step));
                            assertThat(message.ints()).containsExactly(step);
                        }
                        received.set(true);
                        return null;
                    },
                    () -> {
                        Random own = new Random(seeds[0]);
                        for (int step = 0; step < messages; step++) {
                            if (own.nextInt(4) == 0) {
                                LockSupport.parkNanos(own.nextInt(50_000));
                            }
                            comm.send(1, key(step), new Message(new int[] {step}, new float[0]));
                        }
                        return null;
                    },
                    () -> {
                        receiving.await();
                        Random own = new Random(seeds[1]);
                        while (!received.get()) {
                            receiver[0].interrupt();
                            LockSupport.parkNanos(own.nextInt(100_000));
                        }
                        return null;
                    }));
            assertThat(comm.arrivals(1)).isEqualTo(messages);
            interruptedWithoutAMessage(comm, messages);
        } while (System.nanoTime() < end);
    }

    private static MessageKey key(int step) {
        return new MessageKey(0, Tensor.TOKENS, 0, 0, step % 3, step);
    }

    private static Message receiveThroughInterrupts(Communicator comm, MessageKey key) {
        while (true) {
            long seen = comm.arrivals(1);
            Message message = comm.poll(1, key);
            if (message != null) {
                return message;
            }
            try {
                comm.awaitArrival(1, seen);
            } catch (InterruptedException e) {
                // Looks again: the message may have arrived all the same.
            }
        }
    }

    /** Two wait at one mailbox where nothing arrives: the one that is interrupted ends, the other one waits on. */
    private void interruptedWithoutAMessage(Communicator comm, int messages) throws Exception {
        CountDownLatch waiting = new CountDownLatch(1);
        Thread[] thread = new Thread[1];
        Future<?> interrupted = threads.submit(() -> {
            thread[0] = Thread.currentThread();
            waiting.countDown();
            assertThatThrownBy(() -> comm.awaitArrival(1, messages)).isInstanceOf(InterruptedException.class);
        });
        Future<?> other = threads.submit(() -> {
            comm.awaitArrival(1, messages);
            return null;
        });
        waiting.await();
        thread[0].interrupt();
        interrupted.get(HANGS_AFTER_SECONDS, TimeUnit.SECONDS);
        assertThat(other.isDone()).isFalse();
        comm.send(1, key(messages), new Message(new int[0], new float[0]));
        other.get(HANGS_AFTER_SECONDS, TimeUnit.SECONDS);
    }

    /** A refused message must not take the place of the one that its sender was told is under way. */
    @Test
    void ofSeveralSendersOfOneKeyOneSucceedsAndItsMessageArrives() throws Exception {
        long end = System.nanoTime() + NANOS_PER_TEST;
        do {
            int senders = 2 + random.nextInt(3);
            Communicator comm = new InProcessCommunicator(1);
            CyclicBarrier start = new CyclicBarrier(senders);
            List<Integer> accepted = Collections.synchronizedList(new ArrayList<>());
            List<Callable<Void>> tasks = new ArrayList<>();
            for (int i = 0; i < senders; i++) {
                int sender = i;
                tasks.add(() -> {
                    start.await();
                    try {
                        comm.send(0, key(0), new Message(new int[] {sender}, new float[0]));
                        accepted.add(sender);
                    } catch (IllegalStateException e) {
                        assertThat(e).hasMessageStartingWith("two messages under way with ");
                    }
                    return null;
                });
            }
            all(tasks);
            assertThat(accepted).hasSize(1);
            assertThat(comm.arrivals(0)).isEqualTo(1);
            assertThat(comm.poll(0, key(0)).ints()).containsExactly(accepted.getFirst());
            assertThat(comm.poll(0, key(0))).isNull();
        } while (System.nanoTime() < end);
    }

    /** Runs all at once; fails where one fails or hangs. */
    private void all(List<Callable<Void>> tasks) throws Exception {
        List<Future<Void>> futures = new ArrayList<>();
        for (Callable<Void> task : tasks) {
            futures.add(threads.submit(task));
        }
        for (Future<Void> future : futures) {
            future.get(HANGS_AFTER_SECONDS, TimeUnit.SECONDS);
        }
    }
}
