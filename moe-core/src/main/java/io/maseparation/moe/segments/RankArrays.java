package io.maseparation.moe.segments;

import io.maseparation.files.ModelException;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.DeviceArrays;
import io.maseparation.kernels.KvCache;
import io.maseparation.moe.AttentionSize;
import io.maseparation.moe.ModelConfig;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * The arrays of one rank, host side: activations, what arrives from and leaves for other ranks, and the KV cache. A row
 * is one token of one sequence in one step; micro-batches are disjoint ranges of rows.
 *
 * <p>Arrays that a rank's shard has no use for have length 1.
 */
final class RankArrays {
    /** Arrays of a rank that it has once: those here, its rotary table, and the scratch memory of its graphs. */
    private static final int ARRAYS = 34;

    private static final int ARRAYS_PER_SLOTS = 4;

    /** Keys and values, where the choice begins, and what tasks take in place of biases that a model does not have. */
    private static final int ARRAYS_PER_ATTENTION_LAYER = 7;

    /** Which of the rank's experts each one of the layer is. */
    private static final int ARRAYS_PER_EXPERT_LAYER = 1;

    /** [3]: first row, number of rows, how many of them are rows of prompts; those come first. */
    final IntArray step = DeviceArrays.ints(3);

    /** [rows]: token of each row. */
    final IntArray tokens;

    /** Where rows and the blocks of their sequences are, as {@link KvCache} says. */
    final IntArray rowInfo;

    /** [rows, hidden]: residual stream. */
    final FloatArray x;

    /** [rows, hidden]: residual stream received from the stage before. */
    final FloatArray received;

    /** [rows]: i at index i. */
    final IntArray identity;

    /** [rows, hidden]: normed activations, the experts' input. */
    final FloatArray h;

    /**
     * [rows, hidden]: a partial sum before, the full sum after, an all-reduce, or the sum of what expert ranks summed.
     * Where heads are not split it is {@link #h}, which is free once its rows are on their way to the experts.
     */
    final FloatArray partial;

    /** [rows, 2]: sums of squares of queries and keys. */
    final FloatArray sums;

    /**
     * By number of slots per row. Layers with different numbers have separate arrays: micro-batches are in different
     * layers at the same time, and their rows would overlap.
     */
    final Map<Integer, Slots> slots = new TreeMap<>();

    /**
     * What belongs to the expert slots of the rank's own rows.
     *
     * @param ids [rows, slots]: expert of each slot
     * @param weights [rows, slots]: weight of each slot
     * @param expertOut [rows, slots, hidden]: outputs of the experts
     * @param choices [layers, rows, slots]: the ids of each layer of the shard with this number of slots, where one
     *     graph has several of them; otherwise [rows, slots], and nobody reads it
     */
    record Slots(IntArray ids, FloatArray weights, FloatArray expertOut, IntArray choices) {}

    /**
     * Whether {@link Slots#choices} is what the host reads. It is where rows meet their experts on the rank itself, so
     * that no transfer is between its layers; elsewhere the host reads {@link Slots#ids} after every layer.
     */
    final boolean keepsChoices;

    /** By layer: [1], where its choice begins in {@link Slots#choices}. */
    final Map<Integer, IntArray> choiceAt = new HashMap<>();

    /** By layer: what the host reads of its choice, [rows, slots]. */
    final Map<Integer, HostInts> choices = new HashMap<>();

    /** [3]: as {@link #step}, of the rows received for the experts. */
    final IntArray receivedStep = DeviceArrays.ints(3);

    /** [receivedRows, hidden]: rows received for the experts; afterwards their sums, where experts are summed. */
    final FloatArray receivedX;

    /** [receivedRows, slots]: their experts; -1 where the expert is on another rank. */
    final IntArray receivedIds;

    /** [receivedRows, slots]: the weights of these experts, where they are summed. */
    final FloatArray receivedWeights;

    /** [receivedRows, slots, hidden]: outputs of the experts for received rows. */
    final FloatArray receivedOut;

    /** [3]: as {@link #step}, over {@link #outputRows}. */
    final IntArray outputStep = DeviceArrays.ints(3);

    /** [outputRows]: row of {@link #x} of each row that needs logits. */
    final IntArray outputRows;

    /** [outputRows, vocabulary of the rank]. */
    final FloatArray logits;

    /** [outputRows]: index of the largest logit, relative to the rank's part of the vocabulary. */
    final IntArray best;

    final FloatArray normed;
    final FloatArray qkv;
    final FloatArray attention;
    final FloatArray scores;
    final IntArray offsets;
    final IntArray pairs;
    final FloatArray inner;
    final int innerStride;
    final FloatArray outputX;
    final FloatArray outputNormed;

    final DataType kvType;

    /** Keys and values, by layer of the shard. */
    final List<KvCache> caches = new ArrayList<>();

    RankArrays(ModelConfig config, Shard shard, Capacity capacity) {
        Sizes s = new Sizes(config, shard, capacity);
        tokens = DeviceArrays.ints(s.attentionRows);
        rowInfo = DeviceArrays.ints(3 * s.attentionRows + s.blocks);
        for (int block = 0; block < s.blocks; block++) {
            rowInfo.set(3 * s.attentionRows + block, block);
        }
        x = floats(s.x);
        received = floats(s.received);
        identity = DeviceArrays.ints(s.attentionRows);
        for (int i = 0; i < s.attentionRows; i++) {
            identity.set(i, i);
        }
        h = floats(s.x);
        normed = floats(s.x);
        partial = s.partial > 0 ? floats(s.partial) : h;
        sums = floats(s.sums);
        keepsChoices = keepsChoices(shard, capacity);
        s.choices.forEach((n, length) -> slots.put(
                n,
                new Slots(
                        DeviceArrays.ints(s.attentionRows * n),
                        floats((long) s.attentionRows * n),
                        floats(s.x * n),
                        ints(length))));
        Map<Integer, Integer> earlier = new HashMap<>();
        int routed = shard.attention().isPresent() ? shard.endLayer() : shard.firstLayer();
        for (int layer = shard.firstLayer(); layer < routed; layer++) {
            int n = config.layers().get(layer).routing().slots();
            int before = earlier.getOrDefault(n, 0);
            earlier.put(n, before + 1);
            Slots of = Objects.requireNonNull(slots.get(n), "made for all layers");
            int from = keepsChoices ? before * of.ids().getSize() : 0;
            IntArray at = DeviceArrays.ints(1);
            at.set(0, from);
            choiceAt.put(layer, at);
            choices.put(layer, new HostInts(keepsChoices ? of.choices() : of.ids(), from, of.ids().getSize()));
        }
        qkv = floats(s.qkv);
        attention = floats(s.attention);
        scores = floats(s.scores);
        receivedX = floats(s.receivedX);
        receivedIds = DeviceArrays.ints(Math.max(1, s.receivedRows * s.slots));
        receivedWeights = floats((long) s.receivedRows * s.slots);
        receivedOut = floats(s.receivedOut);
        offsets = DeviceArrays.ints(s.groups + 1);
        pairs = DeviceArrays.ints(Math.max(1, s.pairs));
        inner = floats((long) s.pairs * s.width);
        innerStride = s.width;
        outputRows = DeviceArrays.ints(Math.max(1, s.outputs));
        outputX = floats((long) s.outputs * config.hidden());
        outputNormed = floats((long) s.outputs * config.hidden());
        logits = floats((long) s.outputs * s.vocabulary);
        best = DeviceArrays.ints(Math.max(1, s.outputs));
        kvType = capacity.kvType();
        if (shard.attention().isPresent()) {
            for (int layer = shard.firstLayer(); layer < shard.endLayer(); layer++) {
                caches.add(cache(
                        kvType, Math.max(1, s.blocks), shard.attention().get().kvs(), config.headDim()));
            }
        }
    }

    static boolean keepsChoices(Shard shard, Capacity capacity) {
        return shard.experts().isPresent()
                && capacity.receivedRows() == 0
                && shard.attention().filter(heads -> heads.parts() == 1).isPresent();
    }

    /** Layers whose choices of a number of slots are kept next to each other: all of the shard's, or one at a time. */
    static long choicesKept(ModelConfig config, Shard shard, Capacity capacity, int slots) {
        long layers = config.layers().subList(shard.firstLayer(), shard.endLayer()).stream()
                .filter(layer -> layer.routing().slots() == slots)
                .count();
        return keepsChoices(shard, capacity) ? Math.max(1, layers) : 1;
    }

    /** Bytes of a rank's activations and scratch, without the KV cache. */
    static long bytes(ModelConfig config, Shard shard, Capacity capacity) {
        return new Sizes(config, shard, capacity).bytes(config);
    }

    /** Bytes of the process's memory outside the heap that a rank takes, the KV cache included. */
    static long hostBytes(ModelConfig config, Shard shard, Capacity capacity) {
        int slots = ARRAYS_PER_SLOTS * new Sizes(config, shard, capacity).slotCounts.size();
        int layers = shard.endLayer() - shard.firstLayer();
        int arrays = ARRAYS
                + slots
                + (shard.attention().isPresent() ? ARRAYS_PER_ATTENTION_LAYER * layers : 0)
                + (shard.experts().isPresent() ? ARRAYS_PER_EXPERT_LAYER * layers : 0);
        return bytes(config, shard, capacity)
                + capacity.kvBytes(config, shard)
                + arrays * DeviceArrays.MOST_BESIDE;
    }

    private static KvCache cache(DataType type, int blocks, int heads, int headDim) {
        try {
            return KvCache.zeros(type, blocks, heads, headDim);
        } catch (IllegalArgumentException e) {
            throw new ModelException(
                    "a KV cache of %,d positions of a layer is more than arrays can have: use fewer or shorter sequences, or more ranks"
                            .formatted((long) blocks * KvCache.BLOCK),
                    e);
        }
    }

    private static FloatArray floats(long size) {
        return DeviceArrays.floats(checked(Math.max(1, size), "a buffer", "fewer rows per step"));
    }

    private static IntArray ints(long size) {
        return DeviceArrays.ints(checked(size, "a buffer", "fewer rows per step"));
    }

    private static int checked(long size, String what, String remedy) {
        if (size > Integer.MAX_VALUE) {
            throw new ModelException(
                    "%s has %,d elements, an array holds at most %,d: use %s"
                            .formatted(what, size, Integer.MAX_VALUE, remedy));
        }
        return (int) size;
    }

    /** Element counts, in one place for allocation and for accounting. */
    private static final class Sizes {
        final int slots;
        final List<Integer> slotCounts;
        /** Length of the choices of layers with a number of slots. */
        final Map<Integer, Long> choices = new TreeMap<>();

        final int attentionRows;
        final int blocks;
        final int receivedRows;
        final long x;
        final long received;
        final long partial;
        final long sums;
        final long qkv;
        final long attention;
        final long scores;
        final long receivedX;
        final long receivedOut;
        final int groups;
        final int pairs;
        final int width;
        final int outputs;
        final int vocabulary;

        Sizes(ModelConfig config, Shard shard, Capacity capacity) {
            slots = config.maxSlots();
            slotCounts = config.layers().stream()
                    .map(layer -> layer.routing().slots())
                    .distinct()
                    .toList();
            boolean hasAttention = shard.attention().isPresent();
            boolean hasExperts = shard.experts().isPresent();
            attentionRows = hasAttention ? Math.max(1, capacity.rows()) : 1;
            blocks = hasAttention ? KvCache.blocks(capacity.kvPositions()) : 0;
            receivedRows = hasExperts ? capacity.receivedRows() : 0;
            long hidden = config.hidden();
            x = hasAttention ? attentionRows * hidden : 1;
            received = hasAttention && !shard.embedding() ? x : 1;
            boolean split = hasAttention && shard.attention().get().parts() > 1;
            slotCounts.forEach(
                    n -> choices.put(n, choicesKept(config, shard, capacity, n) * attentionRows * n));
            partial = split ? x : 0;
            sums = split ? 2L * attentionRows : 1;
            qkv = hasAttention ? (long) attentionRows * shard.attention().get().qkvWidth(config) : 1;
            attention =
                    hasAttention
                            ? (long) attentionRows
                                    * AttentionSize.attendedWidth(config, shard.attention().get().queries())
                            : 1;
            scores = hasAttention ? (long) attentionRows * Math.max(1, config.maxExperts()) : 1;
            receivedX = receivedRows * hidden;
            receivedOut = receivedX * slots;
            groups = config.maxExperts() + 1;
            // A rank without received rows runs its experts on its own.
            pairs = hasExperts ? slots * (receivedRows > 0 ? receivedRows : attentionRows) : 0;
            width = hasExperts ? Math.ceilDiv(config.maxWidth(), shard.experts().get().parts()) : 1;
            outputs = shard.output().isPresent() ? Math.max(1, capacity.outputRows()) : 0;
            vocabulary = shard.output().map(Shard.Vocabulary::size).orElse(0);
        }

        long bytes(ModelConfig config) {
            long floats = 3 * x
                    + received
                    + partial
                    + sums
                    + qkv
                    + attention
                    + scores
                    + slotCounts.stream().mapToLong(n -> n * (x + 2L * attentionRows)).sum()
                    + receivedX
                    + receivedOut
                    + (long) pairs * width
                    + 2L * outputs * config.hidden()
                    + (long) outputs * vocabulary;
            long kept = choices.values().stream().mapToLong(n -> n).sum();
            long ints = attentionRows * 5L + blocks + kept + 2L * receivedRows * slots + groups + pairs + 2L * outputs;
            return 4 * (floats + ints);
        }
    }
}
