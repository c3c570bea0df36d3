package io.maseparation.parallel.plan;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Checks the programs of a plan before anything runs: every send has its receive and the other way round, the members
 * of a collective agree on it, every segment exists, and no rank waits for ever.
 */
public final class ProgramChecker {
    private final Plan plan;

    private ProgramChecker(Plan plan) {
        this.plan = plan;
    }

    /**
     * Checks all programs.
     *
     * @throws IllegalStateException if the programs are wrong; the message names rank and operation. A plan that was
     *     built by this library and fails here is a defect of the library.
     */
    public static void check(Plan plan) {
        ProgramChecker checker = new ProgramChecker(plan);
        checker.checkSegments();
        checker.checkPairs();
        checker.checkCollectives();
        checker.checkProgress();
    }

    private void checkSegments() {
        for (RankPlan rank : plan.ranks()) {
            Set<String> names = new HashSet<>();
            rank.segments().forEach(s -> names.add(s.name()));
            for (Op op : rank.chain()) {
                if (op instanceof Op.Compute(String segment) && !names.contains(segment)) {
                    throw wrong(rank.rank(), op, "no such segment");
                }
            }
        }
    }

    private void checkPairs() {
        Map<Channel, BitSet[]> sent = new LinkedHashMap<>();
        Map<Channel, BitSet[]> received = new LinkedHashMap<>();
        for (RankPlan rank : plan.ranks()) {
            for (Op op : rank.chain()) {
                switch (op) {
                    case Op.Send(List<Integer> to, Tensor tensor, int layer) -> to.forEach(
                            peer -> add(sent, new Channel(tensor, layer), rank, known(rank, op, peer), rank, op));
                    case Op.Recv(List<Integer> from, Tensor tensor, int layer) -> from.forEach(peer -> add(
                            received, new Channel(tensor, layer), plan.ranks().get(known(rank, op, peer)), rank.rank(),
                            rank, op));
                    default -> {
                    }
                }
            }
        }
        complain(sent, received, "sent but never received");
        complain(received, sent, "received but never sent");
    }

    private void add(Map<Channel, BitSet[]> pairs, Channel channel, RankPlan from, int to, RankPlan rank, Op op) {
        BitSet[] receivers = pairs.computeIfAbsent(channel, c -> new BitSet[plan.ranks().size()]);
        if (receivers[from.rank()] == null) {
            receivers[from.rank()] = new BitSet();
        }
        if (receivers[from.rank()].get(to)) {
            throw wrong(rank.rank(), op, "the same transfer twice in one step");
        }
        receivers[from.rank()].set(to);
    }

    private static void complain(Map<Channel, BitSet[]> these, Map<Channel, BitSet[]> others, String why) {
        these.forEach((channel, senders) -> {
            BitSet[] known = others.get(channel);
            for (int from = 0; from < senders.length; from++) {
                if (senders[from] == null) {
                    continue;
                }
                BitSet missing = (BitSet) senders[from].clone();
                if (known != null && known[from] != null) {
                    missing.andNot(known[from]);
                }
                if (!missing.isEmpty()) {
                    throw new IllegalStateException("program: %s of layer %d from rank %d to rank %d is %s"
                            .formatted(channel.tensor(), channel.layer(), from, missing.nextSetBit(0), why));
                }
            }
        });
    }

    private int known(RankPlan rank, Op op, int peer) {
        if (peer < 0 || peer >= plan.ranks().size() || peer == rank.rank()) {
            throw wrong(rank.rank(), op, "no such peer");
        }
        return peer;
    }

    private void checkCollectives() {
        Map<Op, Set<Integer>> callers = new HashMap<>();
        for (RankPlan rank : plan.ranks()) {
            for (Op op : rank.chain()) {
                if (groupOf(op).isEmpty()) {
                    continue;
                }
                if (!groupOf(op).contains(rank.rank())) {
                    throw wrong(rank.rank(), op, "the rank is not a member of its own group");
                }
                if (!callers.computeIfAbsent(op, o -> new HashSet<>()).add(rank.rank())) {
                    throw wrong(rank.rank(), op, "the same collective twice in one step");
                }
            }
        }
        callers.forEach((op, ranks) -> {
            if (!ranks.equals(new HashSet<>(groupOf(op)))) {
                throw new IllegalStateException("program: " + op + " is called by ranks " + ranks + " only");
            }
        });
    }

    private static List<Integer> groupOf(Op op) {
        return switch (op) {
            case Op.AllReduce(List<Integer> group, Tensor tensor, int layer) -> group;
            case Op.AllToAll(List<Integer> group, Tensor tensor, int layer) -> group;
            default -> List.of();
        };
    }

    /** Runs the programs without data: each rank goes on until it waits; no rank moving means a deadlock. */
    private void checkProgress() {
        int ranks = plan.ranks().size();
        int[] position = new int[ranks];
        Map<Channel, BitSet[]> delivered = new HashMap<>();
        Map<Op, Set<Integer>> arrived = new HashMap<>();
        boolean moved = true;
        while (moved) {
            moved = false;
            for (int rank = 0; rank < ranks; rank++) {
                List<Op> chain = plan.ranks().get(rank).chain();
                while (position[rank] < chain.size()) {
                    Op op = chain.get(position[rank]);
                    // Entering a collective is progress for its other members even where this rank has to wait.
                    moved |= enter(rank, op, arrived);
                    if (!passes(rank, op, delivered, arrived)) {
                        break;
                    }
                    position[rank]++;
                    moved = true;
                }
            }
        }
        List<String> stuck = new ArrayList<>();
        for (int rank = 0; rank < ranks; rank++) {
            List<Op> chain = plan.ranks().get(rank).chain();
            if (position[rank] < chain.size()) {
                stuck.add("rank " + rank + " at " + chain.get(position[rank]));
            }
        }
        if (!stuck.isEmpty()) {
            throw new IllegalStateException("program: deadlock: " + String.join(", ", stuck));
        }
    }

    private static boolean enter(int rank, Op op, Map<Op, Set<Integer>> arrived) {
        return !groupOf(op).isEmpty()
                && arrived.computeIfAbsent(op, o -> new HashSet<>()).add(rank);
    }

    private boolean passes(int rank, Op op, Map<Channel, BitSet[]> delivered, Map<Op, Set<Integer>> arrived) {
        return switch (op) {
            case Op.Compute(String segment) -> true;
            case Op.Sample() -> true;
            case Op.Send(List<Integer> to, Tensor tensor, int layer) -> {
                BitSet[] senders = delivered.computeIfAbsent(
                        new Channel(tensor, layer), c -> new BitSet[plan.ranks().size()]);
                to.forEach(peer -> {
                    senders[peer] = senders[peer] == null ? new BitSet() : senders[peer];
                    senders[peer].set(rank);
                });
                yield true;
            }
            // Tokens come from the step before; the first step has them from the prompt.
            case Op.Recv(List<Integer> from, Tensor tensor, int layer) -> {
                BitSet[] senders = delivered.get(new Channel(tensor, layer));
                boolean any = senders != null && senders[rank] != null;
                yield tensor == Tensor.TOKENS || (any && from.stream().allMatch(senders[rank]::get));
            }
            default -> arrived.get(op).size() == groupOf(op).size();
        };
    }

    private static IllegalStateException wrong(int rank, Op op, String why) {
        return new IllegalStateException("program: rank %d, %s: %s".formatted(rank, op, why));
    }

    /** What tells transfers between the same two ranks apart. */
    private record Channel(Tensor tensor, int layer) {}
}
