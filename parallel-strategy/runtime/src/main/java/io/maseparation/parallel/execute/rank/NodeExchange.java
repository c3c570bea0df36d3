package io.maseparation.parallel.execute.rank;

import io.maseparation.parallel.comm.Message;
import io.maseparation.parallel.layout.NodeRoutes;
import io.maseparation.parallel.layout.Op;
import io.maseparation.parallel.layout.RankPlan;
import io.maseparation.parallel.layout.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.stream.IntStream;

/**
 * Spreads rows that crossed to a node once among the ranks of their experts there. A rank of experts forwards the rows
 * that entered at it to its peers, in one message each: what a dispatch message would have for that peer, asker by
 * asker. What it has for an asker then is one message again, its own rows first and then those that each peer
 * forwarded, and the answers are made as if the asker had sent that.
 *
 * <p>Sums go the same way back. A peer returns those of the rows that were forwarded to it, in their order; the rank
 * where a row entered adds them up in the order of the ranks, its own among them, so that it makes no difference which
 * rank that is.
 *
 * @param askers the ranks that send rows, in the order of their messages
 * @param peers other ranks of the node that they send rows to
 * @param routes tells nodes apart
 */
record NodeExchange(
        RankPlan rankPlan, ExpertExchange exchange, List<Integer> askers, List<Integer> peers, NodeRoutes routes) {

    /**
     * How the rows of one asker came and went.
     *
     * @param received number of rows that entered here, then of those from each peer
     * @param forwarded by peer: which of the rows that entered here it was sent
     */
    record Spread(int[] received, int[][] forwarded) {}

    /** What spreads rows at a rank; empty where no rows cross to it once. */
    static Optional<NodeExchange> of(RankPlan rankPlan, ExpertExchange exchange) {
        List<Integer> askers = List.of();
        for (Op op : rankPlan.program()) {
            if (op instanceof Op.AllToAll(List<Integer> rail, Tensor tensor, int layer)
                    && tensor == Tensor.DISPATCH) {
                askers = rail;
            }
            if (op instanceof Op.Recv(List<Integer> from, Tensor tensor, int layer)) {
                if (tensor == Tensor.DISPATCH) {
                    askers = from;
                } else if (tensor == Tensor.FORWARD) {
                    return Optional.of(new NodeExchange(
                            rankPlan, exchange, askers, from, exchange.routes().orElseThrow()));
                }
            }
        }
        return Optional.empty();
    }

    private boolean crosses(int asker) {
        return routes.apart(askers.get(asker), rankPlan.rank());
    }

    private int hidden() {
        return exchange.plan().config().hidden();
    }

    /** The rows of some dispatch messages from other nodes that a peer needs. */
    Message forward(int peer, int layer, List<Message> dispatched) {
        List<Message> parts = new ArrayList<>();
        for (int asker = 0; asker < askers.size(); asker++) {
            if (crosses(asker)) {
                Message message = dispatched.get(asker);
                parts.add(part(message, rowsFor(peer, layer, message), peer, layer));
            }
        }
        return new Message(
                concatenated(parts.stream().map(Message::ints).toList()),
                joined(parts.stream().map(Message::floats).toList()));
    }

    /** Which rows of a message that crossed to this node have an expert on a rank of it. */
    private int[] rowsFor(int rank, int layer, Message message) {
        int slots = exchange.slots(layer);
        int group = exchange.plan().placement().groupOf(rank);
        return IntStream.range(0, message.ints()[0])
                .filter(i -> IntStream.range(0, slots)
                        .map(j -> message.ints()[2 + i * (1 + slots) + j])
                        .anyMatch(slot -> slot >= 0 && slot / exchange.base(layer) == group))
                .toArray();
    }

    /** Some rows of a message that crossed to this node, as one of its ranks needs them. */
    private Message part(Message message, int[] rows, int rank, int layer) {
        int slots = exchange.slots(layer);
        int base = exchange.base(layer);
        int group = exchange.plan().placement().groupOf(rank);
        int n = message.ints()[0];
        int[] ints = new int[1 + rows.length * (1 + slots)];
        ints[0] = rows.length;
        int weights = exchange.sums() ? slots : 0;
        float[] floats = new float[rows.length * (hidden() + weights)];
        for (int i = 0; i < rows.length; i++) {
            int from = 1 + rows[i] * (1 + slots);
            int to = 1 + i * (1 + slots);
            ints[to] = message.ints()[from];
            for (int j = 1; j <= slots; j++) {
                int slot = message.ints()[from + j];
                ints[to + j] = slot >= 0 && slot / base == group ? slot % base : -1;
            }
            System.arraycopy(message.floats(), rows[i] * hidden(), floats, i * hidden(), hidden());
            System.arraycopy(message.floats(), n * hidden() + rows[i] * weights,
                    floats, rows.length * hidden() + i * weights, weights);
        }
        return new Message(ints, floats);
    }

    /**
     * Makes of what was dispatched and what peers forwarded one message for each asker.
     *
     * @param forwarded by index of the peer
     */
    void receive(MicroBatch microBatch, SortedMap<Integer, Message> forwarded, int layer) {
        List<Message> dispatched = List.copyOf(microBatch.arrived);
        List<Message> fromPeers = List.copyOf(forwarded.values());
        microBatch.arrived.clear();
        microBatch.spread.clear();
        int[] intsRead = new int[peers.size()];
        int[] floatsRead = new int[peers.size()];
        for (int asker = 0; asker < askers.size(); asker++) {
            Message message = dispatched.get(asker);
            if (!crosses(asker)) {
                microBatch.spread.add(new Spread(new int[] {message.ints()[0]}, new int[0][]));
                microBatch.arrived.add(message);
                continue;
            }
            int[][] sent = new int[peers.size()][];
            int[] own = IntStream.range(0, message.ints()[0]).toArray();
            List<Message> parts = new ArrayList<>(List.of(part(message, own, rankPlan.rank(), layer)));
            for (int peer = 0; peer < peers.size(); peer++) {
                sent[peer] = rowsFor(peers.get(peer), layer, message);
                Message next = next(fromPeers.get(peer), intsRead[peer], floatsRead[peer], layer);
                intsRead[peer] += next.ints().length;
                floatsRead[peer] += next.floats().length;
                parts.add(next);
            }
            microBatch.spread.add(new Spread(parts.stream().mapToInt(part -> part.ints()[0]).toArray(), sent));
            microBatch.arrived.add(merged(parts, layer));
        }
    }

    /** The next asker's part of a forwarded message. */
    private Message next(Message message, int ints, int floats, int layer) {
        int slots = exchange.slots(layer);
        int n = message.ints()[ints];
        return new Message(
                Arrays.copyOfRange(message.ints(), ints, ints + 1 + n * (1 + slots)),
                Arrays.copyOfRange(message.floats(), floats, floats + n * (hidden() + (exchange.sums() ? slots : 0))));
    }

    /** One dispatch message of several: rows, and after all of them their weights. */
    private Message merged(List<Message> parts, int layer) {
        int slots = exchange.slots(layer);
        List<int[]> ints = new ArrayList<>();
        List<float[]> rows = new ArrayList<>();
        List<float[]> weights = new ArrayList<>();
        ints.add(new int[] {parts.stream().mapToInt(part -> part.ints()[0]).sum()});
        for (Message part : parts) {
            int n = part.ints()[0];
            ints.add(Arrays.copyOfRange(part.ints(), 1, 1 + n * (1 + slots)));
            rows.add(Arrays.copyOf(part.floats(), n * hidden()));
            weights.add(Arrays.copyOfRange(part.floats(), n * hidden(), part.floats().length));
        }
        rows.addAll(weights);
        return new Message(concatenated(ints), joined(rows));
    }

    /** The sums of the rows that a peer forwarded. */
    Message sumsFor(int peer, MicroBatch microBatch) {
        int index = peers.indexOf(peer);
        List<float[]> parts = new ArrayList<>();
        for (int asker = 0; asker < askers.size(); asker++) {
            if (crosses(asker)) {
                int[] received = microBatch.spread.get(asker).received();
                int before = Arrays.stream(received, 0, 1 + index).sum();
                parts.add(Arrays.copyOfRange(microBatch.answers.get(asker).floats(),
                        before * hidden(), (before + received[1 + index]) * hidden()));
            }
        }
        return new Message(new int[0], joined(parts));
    }

    /**
     * Adds peers' sums to the answers, of which those to other nodes keep the rank's own rows only.
     *
     * @param sums by index of the peer
     */
    void add(MicroBatch microBatch, SortedMap<Integer, Message> sums) {
        List<Message> fromPeers = List.copyOf(sums.values());
        int rank = rankPlan.rank();
        int[] read = new int[peers.size()];
        for (int asker = 0; asker < askers.size(); asker++) {
            if (!crosses(asker)) {
                continue;
            }
            Message answer = microBatch.answers.get(asker);
            int n = microBatch.spread.get(asker).received()[0];
            float[] own = Arrays.copyOf(answer.floats(), n * hidden());
            float[] all = new float[own.length];
            boolean added = false;
            for (int peer = 0; peer < peers.size(); peer++) {
                if (!added && peers.get(peer) > rank) {
                    add(all, own, 0, IntStream.range(0, n).toArray());
                    added = true;
                }
                int[] rows = microBatch.spread.get(asker).forwarded()[peer];
                add(all, fromPeers.get(peer).floats(), read[peer], rows);
                read[peer] += rows.length * hidden();
            }
            if (!added) {
                add(all, own, 0, IntStream.range(0, n).toArray());
            }
            int[] ints = Arrays.copyOf(answer.ints(), 1 + n);
            ints[0] = n;
            microBatch.answers.set(asker, new Message(ints, all));
        }
    }

    /** Adds rows that follow each other from {@code at} to some rows of others. */
    private void add(float[] all, float[] rows, int at, int[] to) {
        for (int i = 0; i < to.length; i++) {
            for (int j = 0; j < hidden(); j++) {
                all[to[i] * hidden() + j] += rows[at + i * hidden() + j];
            }
        }
    }

    private static int[] concatenated(List<int[]> parts) {
        return parts.stream().flatMapToInt(Arrays::stream).toArray();
    }

    private static float[] joined(List<float[]> parts) {
        float[] all = new float[parts.stream().mapToInt(part -> part.length).sum()];
        int at = 0;
        for (float[] part : parts) {
            System.arraycopy(part, 0, all, at, part.length);
            at += part.length;
        }
        return all;
    }
}
