package io.maseparation.parallel.layout;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Checks the programs of a plan before anything runs: every send has its receive and the other way round, the members
 * of a collective agree on it, every segment exists, and no rank waits for ever.
 */
public final class ProgramChecker {
    private static final BitSet NONE = new BitSet();

    private final Plan plan;
    /** Lists of peers as sets. Operations share their lists, so that there are few of them. */
    private final IdentityHashMap<List<Integer>, BitSet> sets = new IdentityHashMap<>();

    private final IdentityHashMap<List<Integer>, Integer> numbers = new IdentityHashMap<>();
    private final Map<List<Integer>, Integer> groups = new HashMap<>();

    private ProgramChecker(Plan plan) {
        this.plan = plan;
    }

    /**
     * Checks all programs.
     *
     * @param plan the plan
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
            for (Op op : rank.program()) {
                if (op instanceof Op.Compute(String segment) && !names.contains(segment)) {
                    throw wrong(rank.rank(), op, "no such segment");
                }
            }
        }
    }

    private void checkPairs() {
        Map<Channel, BitSet[]> receivers = new LinkedHashMap<>();
        Map<Channel, BitSet[]> senders = new LinkedHashMap<>();
        for (RankPlan rank : plan.ranks()) {
            for (Op op : rank.program()) {
                switch (op) {
                    case Op.Send(List<Integer> to, Tensor tensor, int layer) -> add(receivers,
                            new Channel(tensor, layer), rank.rank(), to, op);
                    case Op.Recv(List<Integer> from, Tensor tensor, int layer) -> add(senders,
                            new Channel(tensor, layer), rank.rank(), from, op);
                    default -> {
                    }
                }
            }
        }
        BitSet[] none = new BitSet[plan.ranks().size()];
        senders.keySet().forEach(channel -> receivers.putIfAbsent(channel, none));
        BitSet[] sentBefore = none;
        BitSet[] receivedBefore = none;
        for (Map.Entry<Channel, BitSet[]> entry : receivers.entrySet()) {
            BitSet[] sent = entry.getValue();
            BitSet[] received = senders.getOrDefault(entry.getKey(), none);
            // Layer after layer has the same transfers, of the very same sets.
            if (!Arrays.equals(sent, sentBefore) || !Arrays.equals(received, receivedBefore)) {
                checkPairs(entry.getKey(), sent, received);
                sentBefore = sent;
                receivedBefore = received;
            }
        }
    }

    /** Notes the peers that a rank has on a channel: one operation names them all. */
    private void add(Map<Channel, BitSet[]> peers, Channel channel, int rank, List<Integer> these, Op op) {
        BitSet[] ofRank = peers.computeIfAbsent(channel, c -> new BitSet[plan.ranks().size()]);
        BitSet set = set(these);
        if (set.cardinality() != these.size()) {
            throw wrong(rank, op, "the same transfer twice in one step");
        }
        if (set.length() > plan.ranks().size() || set.get(rank)) {
            throw wrong(rank, op, "no such peer");
        }
        if (ofRank[rank] != null) {
            throw wrong(rank, op, "a second transfer of the same tensor and layer in one step");
        }
        ofRank[rank] = set;
    }

    private BitSet set(List<Integer> ranks) {
        return sets.computeIfAbsent(ranks, list -> {
            BitSet set = new BitSet(plan.ranks().size());
            for (int rank : list) {
                if (rank < 0) {
                    throw new IllegalStateException("program: rank " + rank + " is named");
                }
                set.set(rank);
            }
            return set;
        });
    }

    /** Checks that whom a rank sends to receives from it, and the other way round. */
    private static void checkPairs(Channel channel, BitSet[] sent, BitSet[] received) {
        int ranks = sent.length;
        BitSet[] senders = new BitSet[ranks];
        for (int from = 0; from < ranks; from++) {
            for (int to = next(sent[from], 0); to >= 0; to = next(sent[from], to + 1)) {
                senders[to] = senders[to] == null ? new BitSet(ranks) : senders[to];
                senders[to].set(from);
            }
        }
        for (int to = 0; to < ranks; to++) {
            complain(channel, senders[to], received[to], to, "sent but never received");
            complain(channel, received[to], senders[to], to, "received but never sent");
        }
    }

    private static int next(BitSet set, int from) {
        return set == null ? -1 : set.nextSetBit(from);
    }

    private static void complain(Channel channel, BitSet these, BitSet others, int to, String why) {
        for (int from = next(these, 0); from >= 0; from = next(these, from + 1)) {
            if (others == null || !others.get(from)) {
                throw new IllegalStateException("program: %s of layer %d from rank %d to rank %d is %s"
                        .formatted(channel.tensor(), channel.layer(), from, to, why));
            }
        }
    }

    private void checkCollectives() {
        Map<Meeting, Call> calls = new HashMap<>();
        for (RankPlan rank : plan.ranks()) {
            for (Op op : rank.program()) {
                if (op instanceof Op.Collective collective) {
                    if (!set(collective.group()).get(rank.rank())) {
                        throw wrong(rank.rank(), op, "the rank is not a member of its own group");
                    }
                    Call call = calls.computeIfAbsent(meeting(collective), m -> new Call(collective, new BitSet()));
                    if (call.ranks.get(rank.rank())) {
                        throw wrong(rank.rank(), op, "the same collective twice in one step");
                    }
                    call.ranks.set(rank.rank());
                }
            }
        }
        for (Call call : calls.values()) {
            if (!call.ranks.equals(set(call.op.group()))) {
                throw new IllegalStateException(
                        "program: %s is called by ranks %s only".formatted(call.op, call.ranks));
            }
        }
    }

    /** Groups are lists of many ranks, so that they are told apart by a number. */
    private Meeting meeting(Op.Collective op) {
        int number = numbers.computeIfAbsent(op.group(), g -> groups.computeIfAbsent(g, same -> groups.size()));
        return new Meeting(op instanceof Op.AllReduce, op.tensor(), op.layer(), number);
    }

    /** Runs the programs without data: each rank goes on until it waits; no rank moving means a deadlock. */
    private void checkProgress() {
        int ranks = plan.ranks().size();
        int[] position = new int[ranks];
        Map<Channel, BitSet> sent = new HashMap<>();
        Map<Meeting, BitSet> arrived = new HashMap<>();
        boolean moved = true;
        while (moved) {
            moved = false;
            for (int rank = 0; rank < ranks; rank++) {
                List<Op> chain = plan.ranks().get(rank).program();
                while (position[rank] < chain.size()) {
                    Op op = chain.get(position[rank]);
                    // Entering a collective is progress for its other members even where this rank has to wait.
                    moved |= op instanceof Op.Collective collective && enter(rank, collective, arrived);
                    if (!passes(rank, op, sent, arrived)) {
                        break;
                    }
                    position[rank]++;
                    moved = true;
                }
            }
        }
        List<String> stuck = new ArrayList<>();
        for (int rank = 0; rank < ranks; rank++) {
            List<Op> chain = plan.ranks().get(rank).program();
            if (position[rank] < chain.size()) {
                stuck.add("rank " + rank + " at " + chain.get(position[rank]));
            }
        }
        if (!stuck.isEmpty()) {
            throw new IllegalStateException("program: deadlock: " + String.join(", ", stuck));
        }
    }

    /** Whether a rank enters a collective for the first time. */
    private boolean enter(int rank, Op.Collective op, Map<Meeting, BitSet> arrived) {
        BitSet here = arrived.computeIfAbsent(meeting(op), m -> new BitSet());
        boolean late = here.get(rank);
        here.set(rank);
        return !late;
    }

    /** Whether a rank gets past an operation. Every transfer has its counterpart, so that it matters who has sent. */
    private boolean passes(int rank, Op op, Map<Channel, BitSet> sent, Map<Meeting, BitSet> arrived) {
        return switch (op) {
            case Op.Compute _,Op.Sample _ -> true;
            case Op.Send(List<Integer> to, Tensor tensor, int layer) -> {
                sent.computeIfAbsent(new Channel(tensor, layer), c -> new BitSet()).set(rank);
                yield true;
            }
            // Tokens come from the step before; the first step has them from the prompt.
            case Op.Recv(List<Integer> from, Tensor tensor, int layer) -> tensor == Tensor.TOKENS
                    || contains(sent.getOrDefault(new Channel(tensor, layer), NONE), set(from));
            case Op.Collective c -> arrived.getOrDefault(meeting(c), NONE).cardinality() == c.group().size();
        };
    }

    private static boolean contains(BitSet all, BitSet some) {
        BitSet missing = (BitSet) some.clone();
        missing.andNot(all);
        return missing.isEmpty();
    }

    private static IllegalStateException wrong(int rank, Op op, String why) {
        return new IllegalStateException("program: rank %d, %s: %s".formatted(rank, op, why));
    }

    /** What tells transfers between the same two ranks apart. */
    private record Channel(Tensor tensor, int layer) {}

    /** A collective of a group, by the group's number. */
    private record Meeting(boolean sum, Tensor tensor, int layer, int group) {}

    /** A collective, and the ranks that take part in it. */
    private record Call(Op.Collective op, BitSet ranks) {}
}
