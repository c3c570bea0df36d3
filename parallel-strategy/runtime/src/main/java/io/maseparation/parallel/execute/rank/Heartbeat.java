package io.maseparation.parallel.execute.rank;

import io.maseparation.parallel.layout.Op;
import io.maseparation.parallel.layout.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.stream.Collectors;

/** What each rank is doing and when it last finished an operation, so that a stuck rank is found and named. */
public final class Heartbeat {
    private final AtomicLongArray last;
    private final AtomicReferenceArray<Op> current;
    /** What ranks in other processes said that they are doing; empty where they wait. */
    private final AtomicReferenceArray<String> told;

    /**
     * All ranks wait.
     *
     * @param ranks number of ranks
     */
    public Heartbeat(int ranks) {
        last = new AtomicLongArray(ranks);
        current = new AtomicReferenceArray<>(ranks);
        told = new AtomicReferenceArray<>(ranks);
        for (int i = 0; i < ranks; i++) {
            waits(i);
            told.set(i, "");
        }
    }

    /** A rank starts an operation. */
    void starts(int rank, Op op) {
        current.set(rank, op);
    }

    /** A rank finished an operation. */
    void finished(int rank) {
        last.set(rank, System.nanoTime());
    }

    /** A rank waits for others. */
    void waits(int rank) {
        current.set(rank, null);
        finished(rank);
    }

    /** A rank of another process said what it is doing, and for how long it has not finished anything. */
    void says(int rank, long silence, String doing) {
        told.set(rank, doing);
        last.set(rank, System.nanoTime() - silence);
    }

    /** Nanoseconds since a rank finished an operation. */
    long silence(int rank) {
        return System.nanoTime() - last.get(rank);
    }

    /** What a rank is doing; empty where it waits for others. */
    String doing(int rank) {
        Op op = current.get(rank);
        return op == null ? told.get(rank) : "rank " + rank + " is " + words(op);
    }

    /** Nanoseconds since any rank finished an operation. */
    long silence() {
        long now = System.nanoTime();
        long least = Long.MAX_VALUE;
        for (int i = 0; i < last.length(); i++) {
            least = Math.min(least, now - last.get(i));
        }
        return least;
    }

    private static String words(Op op) {
        return switch (op) {
            case Op.Compute(String segment) -> "running " + segment;
            case Op.Send send -> "sending %s to %s".formatted(words(send.tensor(), send.layer()), words(send.to()));
            case Op.Recv receive -> "receiving %s from %s"
                    .formatted(words(receive.tensor(), receive.layer()), words(receive.from()));
            case Op.AllReduce reduce -> "summing %s with %s"
                    .formatted(words(reduce.tensor(), reduce.layer()), words(reduce.group()));
            case Op.AllToAll exchange -> "exchanging %s with %s"
                    .formatted(words(exchange.tensor(), exchange.layer()), words(exchange.group()));
            case Op.Sample() -> "sampling";
        };
    }

    private static String words(Tensor tensor, int layer) {
        return tensor.label() + " " + layer;
    }

    private static String words(List<Integer> ranks) {
        return (ranks.size() == 1 ? "rank " : "ranks ")
                + ranks.stream().map(String::valueOf).collect(Collectors.joining(", "));
    }

    /** {@return the ranks that do not wait for others, and what they are doing} */
    public String busyRanks() {
        List<String> busy = new ArrayList<>();
        for (int rank = 0; rank < current.length(); rank++) {
            String doing = doing(rank);
            if (!doing.isEmpty()) {
                busy.add(doing);
            }
        }
        return busy.isEmpty() ? "all ranks wait for each other" : String.join(", ", busy);
    }
}
