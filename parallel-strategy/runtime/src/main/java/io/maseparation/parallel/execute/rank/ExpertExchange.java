package io.maseparation.parallel.execute.rank;

import io.maseparation.moe.segments.HostFloats;
import io.maseparation.moe.segments.HostInts;
import io.maseparation.moe.segments.RankBuffers;
import io.maseparation.parallel.comm.Message;
import io.maseparation.parallel.layout.CombineMode;
import io.maseparation.parallel.layout.NodeRoutes;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.RankPlan;
import io.maseparation.parallel.layout.ReplicaChoice;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SortedMap;
import java.util.stream.Stream;

/**
 * Packs rows for the experts of other ranks and puts the answers where the weighted sum finds them. Every row and
 * expert comes back on its own, so that sums over experts are taken in expert order on the rank of the row, whatever
 * the placement. Where ranks split an expert's width each sends a partial output, and those are added in the order of
 * the ranks. Where a group of ranks splits the heads, each asks for some of the experts only, and the others' slots are
 * zero in its sum.
 *
 * <p>A dispatch message is {@code ints = [n, row 0, slots of row 0…, row 1, …]} (slots of other ranks are −1) and
 * {@code floats} = n rows of the hidden width. The answer is {@code ints = [n, row * slots + slot, …]} and n rows.
 *
 * <p>With {@link CombineMode#SUMS} a row comes back once from each rank, and those sums are added in the order of the
 * ranks. The weights, {@code n * slots} floats, follow the rows of a dispatch message then, and the answer is {@code
 * ints = [n, row 0, row 1, …]}.
 *
 * <p>Where rows cross to a node once, a message to a rank in another node has the rows that enter the node there, and
 * {@link NodeExchange} spreads them. Its slots are those of all experts in that node: {@code expert group * (experts +
 * 1) + expert}.
 */
record ExpertExchange(Plan plan, RankPlan rankPlan, RankBuffers buffers, ReplicaChoice replicas,
        Optional<NodeRoutes> routes, FloatPool pool) {

    int slots(int layer) {
        return plan.config().layers().get(layer).routing().slots();
    }

    private HostInts choices(int layer) {
        return Objects.requireNonNull(buffers.choices().get(layer), "the layer is one of the rank's");
    }

    private RankBuffers.Slots ofSlots(int layer) {
        return Objects.requireNonNull(buffers.slots().get(slots(layer)), "a rank with rows has slots for all layers");
    }

    /**
     * The expert group that each row's slots go to.
     *
     * @return [rows, slots], −1 for a slot without an expert
     */
    int[] assign(int layer, Batch batch) {
        return replicas.assign(layer, chosen(layer, batch), slots(layer));
    }

    /** The expert that the router chose for each row and slot: [rows, slots]. */
    int[] chosen(int layer, Batch batch) {
        int slots = slots(layer);
        HostInts of = choices(layer);
        int[] ids = new int[batch.rows() * slots];
        Arrays.setAll(ids, i -> of.get(batch.firstRow() * slots + i));
        return ids;
    }

    /**
     * Where rows enter other nodes, if they cross to each once.
     *
     * @param assigned as {@link #assign} says
     * @return by rank, the rows of the batch that are sent to it from another node; empty for all ranks where rows are
     *     sent to each
     */
    List<BitSet> entering(int layer, Batch batch, int[] assigned) {
        if (routes.isEmpty()) {
            return List.of();
        }
        List<BitSet> entering = Stream.generate(BitSet::new).limit(plan.ranks().size()).toList();
        int slots = slots(layer);
        for (int row = 0; row < batch.rows(); row++) {
            int i = row;
            routes.get().visit(rankPlan.group(), i, assigned, i * slots, slots, (entry, to) -> {
                if (asks(entry)) {
                    entering.get(entry).set(i);
                }
            });
        }
        return entering;
    }

    /** Whether this rank is the one of its group that sends rows to another. */
    private boolean asks(int rank) {
        return plan.placement().askerOf(rankPlan.group(), plan.placement().groupOf(rank)) == rankPlan.rank();
    }

    private boolean apart(int rank) {
        return routes.isPresent() && routes.get().apart(rankPlan.rank(), rank);
    }

    /** What tells the experts of a layer apart over all expert groups. */
    int base(int layer) {
        return plan.config().layers().get(layer).routing().experts() + 1;
    }

    boolean sums() {
        return plan.layout().combine() == CombineMode.SUMS;
    }

    /**
     * Zeroes the outputs that other slices of the group ask for, so that this rank's weighted sum is its part.
     *
     * @param assigned as {@link #assign} says
     */
    void clearOthers(int layer, Batch batch, int[] assigned) {
        int slots = slots(layer);
        float[] zeros = new float[plan.config().hidden()];
        for (int i = 0; i < batch.rows(); i++) {
            for (int j = 0; j < slots; j++) {
                int pair = (batch.firstRow() + i) * slots + j;
                int expertGroup = assigned[i * slots + j];
                if (expertGroup >= 0 && plan.placement().askerOf(rankPlan.group(), expertGroup) != rankPlan.rank()) {
                    ofSlots(layer).expertOut().write(pair * zeros.length, zeros, 0, zeros.length);
                }
            }
        }
    }

    /**
     * The rows of a batch that rank {@code to} is sent: those that have an expert there, or enter its node there.
     *
     * @param assigned as {@link #assign} says; not looked at where there are no rows
     * @param entering as {@link #entering} says, likewise
     */
    Message dispatch(int to, int layer, Batch batch, int[] assigned, List<BitSet> entering) {
        if (apart(to)) {
            return crossing(to, layer, batch, assigned, entering);
        }
        int slots = slots(layer);
        int expertGroup = plan.placement().groupOf(to);
        HostInts of = choices(layer);
        int[] ints = new int[1 + batch.rows() * (1 + slots)];
        int n = 0;
        int at = 1;
        for (int i = 0; i < batch.rows(); i++) {
            int row = batch.firstRow() + i;
            boolean any = false;
            for (int j = 0; j < slots; j++) {
                int expert = of.get(row * slots + j);
                boolean there = assigned[i * slots + j] == expertGroup;
                ints[at + 1 + j] = there ? expert : -1;
                any |= there;
            }
            if (any) {
                ints[at] = row;
                at += 1 + slots;
                n++;
            }
        }
        ints[0] = n;
        return new Message(Arrays.copyOf(ints, at), rows(ints, slots, layer));
    }

    /** The rows of a batch that enter the node of rank {@code to} there, with the slots of all experts in that node. */
    private Message crossing(int to, int layer, Batch batch, int[] assigned, List<BitSet> entering) {
        int slots = slots(layer);
        BitSet rows = batch.rows() == 0 ? new BitSet() : entering.get(to);
        int node = routes.orElseThrow().nodeOf(to);
        HostInts of = choices(layer);
        int[] ints = new int[1 + rows.cardinality() * (1 + slots)];
        ints[0] = rows.cardinality();
        int at = 1;
        for (int i = rows.nextSetBit(0); i >= 0; i = rows.nextSetBit(i + 1)) {
            int row = batch.firstRow() + i;
            ints[at++] = row;
            for (int j = 0; j < slots; j++) {
                int group = assigned[i * slots + j];
                boolean there = group >= 0
                        && plan.placement().askerOf(rankPlan.group(), group) == rankPlan.rank()
                        && routes.orElseThrow().reaches(group, node);
                ints[at++] = there ? group * base(layer) + of.get(row * slots + j) : -1;
            }
        }
        return new Message(ints, rows(ints, slots, layer));
    }

    /** The rows that a dispatch message names, and their weights if they are summed elsewhere. */
    private float[] rows(int[] ints, int slots, int layer) {
        int hidden = plan.config().hidden();
        int n = ints[0];
        float[] floats = pool.take(n * (hidden + (sums() ? slots : 0)));
        for (int i = 0; i < n; i++) {
            int row = ints[1 + i * (1 + slots)];
            buffers.activations().h().read(row * hidden, floats, i * hidden, hidden);
            if (sums()) {
                ofSlots(layer).weights().read(row * slots, floats, n * hidden + i * slots, slots);
            }
        }
        return floats;
    }

    /**
     * Lays out what arrived as the rows of the rank's experts; its floats are not looked at again.
     *
     * @return number of rows
     */
    int receive(List<Message> messages, int layer) {
        int slots = slots(layer);
        int hidden = plan.config().hidden();
        int rows = 0;
        for (Message message : messages) {
            int n = message.ints()[0];
            buffers.received().x().write(rows * hidden, message.floats(), 0, n * hidden);
            if (sums()) {
                buffers.received().weights().write(rows * slots, message.floats(), n * hidden, n * slots);
            }
            for (int i = 0; i < n; i++) {
                for (int j = 0; j < slots; j++) {
                    buffers.received().ids().set((rows + i) * slots + j, message.ints()[2 + i * (1 + slots) + j]);
                }
            }
            rows += n;
            pool.give(message.floats());
        }
        return rows;
    }

    /** Rows times routed experts in messages for the rank's experts. */
    int pairs(List<Message> messages, int layer) {
        int slots = slots(layer);
        int experts = plan.config().layers().get(layer).routing().experts();
        int pairs = 0;
        for (Message message : messages) {
            for (int i = 0; i < message.ints()[0]; i++) {
                for (int j = 0; j < slots; j++) {
                    int expert = message.ints()[2 + i * (1 + slots) + j];
                    pairs += expert >= 0 && expert < experts ? 1 : 0;
                }
            }
        }
        return pairs;
    }

    /** The answers to {@link #receive}'s messages, in their order. */
    List<Message> answers(List<Message> messages, int layer) {
        if (sums()) {
            return sums(messages, layer);
        }
        int slots = slots(layer);
        int hidden = plan.config().hidden();
        List<Message> answers = new ArrayList<>();
        int first = 0;
        for (Message message : messages) {
            int n = message.ints()[0];
            int[] ints = new int[1 + n * slots];
            int at = 1;
            int[] source = new int[n * slots];
            for (int i = 0; i < n; i++) {
                int base = 1 + i * (1 + slots);
                for (int j = 0; j < slots; j++) {
                    if (message.ints()[base + 1 + j] >= 0) {
                        source[at - 1] = (first + i) * slots + j;
                        ints[at++] = message.ints()[base] * slots + j;
                    }
                }
            }
            ints[0] = at - 1;
            float[] floats = pool.take(ints[0] * hidden);
            for (int i = 0; i < ints[0]; i++) {
                buffers.received().out().read(source[i] * hidden, floats, i * hidden, hidden);
            }
            answers.add(new Message(Arrays.copyOf(ints, at), floats));
            first += n;
        }
        return answers;
    }

    private List<Message> sums(List<Message> messages, int layer) {
        int slots = slots(layer);
        int hidden = plan.config().hidden();
        List<Message> answers = new ArrayList<>();
        int first = 0;
        for (Message message : messages) {
            int n = message.ints()[0];
            int[] ints = new int[1 + n];
            Arrays.setAll(ints, i -> i == 0 ? n : message.ints()[1 + (i - 1) * (1 + slots)]);
            float[] floats = pool.take(n * hidden);
            buffers.received().x().read(first * hidden, floats, 0, floats.length);
            answers.add(new Message(ints, floats));
            first += n;
        }
        return answers;
    }

    /** Puts some ranks' answers, in the order of nodes and ranks, where the weighted sum or the residual finds them. */
    void combine(List<Integer> from, SortedMap<Integer, Message> answers, int layer, Batch batch) {
        if (!sums()) {
            answers.forEach((i, answer) -> {
                combine(from.get(i), answer, layer);
                pool.give(answer.floats());
            });
            return;
        }
        int hidden = plan.config().hidden();
        float[] sums = new float[batch.rows() * hidden];
        for (Message answer : inOrder(from, answers)) {
            for (int i = 0; i < answer.ints()[0]; i++) {
                add(sums, (answer.ints()[1 + i] - batch.firstRow()) * hidden, answer, i);
            }
            pool.give(answer.floats());
        }
        // All at once, since segments of other micro-batches may bring whole arrays to the host.
        buffers.activations().partial().write(batch.firstRow() * hidden, sums, 0, sums.length);
    }

    /** Where a row enters a node makes no difference to the order of its sums. */
    private Collection<Message> inOrder(List<Integer> from, SortedMap<Integer, Message> answers) {
        return routes.isEmpty()
                ? answers.values()
                : answers.entrySet().stream()
                        .sorted(Comparator.comparingInt(a -> routes.get().nodeOf(from.get(a.getKey()))))
                        .map(Map.Entry::getValue)
                        .toList();
    }

    private void combine(int from, Message answer, int layer) {
        int hidden = plan.config().hidden();
        HostFloats out = ofSlots(layer).expertOut();
        boolean first = plan.placement().ranksOf(plan.placement().groupOf(from))[0] == from;
        float[] sum = new float[hidden];
        for (int i = 0; i < answer.ints()[0]; i++) {
            int at = answer.ints()[1 + i] * hidden;
            if (first) {
                out.write(at, answer.floats(), i * hidden, hidden);
            } else {
                out.read(at, sum, 0, hidden);
                add(sum, 0, answer, i);
                out.write(at, sum, 0, hidden);
            }
        }
    }

    /** Adds row i of an answer. */
    private void add(float[] sum, int at, Message answer, int i) {
        int hidden = plan.config().hidden();
        for (int j = 0; j < hidden; j++) {
            sum[at + j] += answer.floats()[i * hidden + j];
        }
    }
}
