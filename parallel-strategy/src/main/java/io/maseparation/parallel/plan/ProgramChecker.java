package io.maseparation.parallel.plan;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
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
        Set<Transfer> sent = new HashSet<>();
        Set<Transfer> received = new HashSet<>();
        for (RankPlan rank : plan.ranks()) {
            for (Op op : rank.chain()) {
                boolean fresh =
                        switch (op) {
                            case Op.Send(int to, Tensor tensor, int layer) -> sent
                                    .add(new Transfer(rank.rank(), known(rank, op, to), tensor, layer));
                            case Op.Recv(int from, Tensor tensor, int layer) -> received
                                    .add(new Transfer(known(rank, op, from), rank.rank(), tensor, layer));
                            default -> true;
                        };
                if (!fresh) {
                    throw wrong(rank.rank(), op, "the same transfer twice in one step");
                }
            }
        }
        for (Transfer transfer : sent) {
            if (!received.contains(transfer)) {
                throw new IllegalStateException("program: " + transfer + " is sent but never received");
            }
        }
        for (Transfer transfer : received) {
            if (!sent.contains(transfer)) {
                throw new IllegalStateException("program: " + transfer + " is received but never sent");
            }
        }
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
        Set<Transfer> delivered = new HashSet<>();
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

    private static boolean passes(int rank, Op op, Set<Transfer> delivered, Map<Op, Set<Integer>> arrived) {
        return switch (op) {
            case Op.Compute(String segment) -> true;
            case Op.Sample() -> true;
            case Op.Send(int to, Tensor tensor, int layer) -> {
                delivered.add(new Transfer(rank, to, tensor, layer));
                yield true;
            }
            // Tokens come from the step before; the first step has them from the prompt.
            case Op.Recv(int from, Tensor tensor, int layer) -> tensor == Tensor.TOKENS
                    || delivered.contains(new Transfer(from, rank, tensor, layer));
            default -> arrived.get(op).size() == groupOf(op).size();
        };
    }

    private static IllegalStateException wrong(int rank, Op op, String why) {
        return new IllegalStateException("program: rank %d, %s: %s".formatted(rank, op, why));
    }

    private record Transfer(int from, int to, Tensor tensor, int layer) {
        @Override
        public String toString() {
            return "%s of layer %d from rank %d to rank %d".formatted(tensor, layer, from, to);
        }
    }
}
