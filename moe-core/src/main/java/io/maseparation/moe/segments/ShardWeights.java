package io.maseparation.moe.segments;

import io.maseparation.kernels.DeviceArrays;
import io.maseparation.kernels.ExpertBanks;
import io.maseparation.kernels.ExpertWeights;
import io.maseparation.kernels.WeightMatrix;
import io.maseparation.moe.LayerWeights;
import io.maseparation.moe.ModelWeights;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * The matrices that a rank holds. Those of a rank on the embedded runtime are views of the model's arrays. The devices
 * of an SDK take whole arrays, so a rank there copies the parts that it holds into arrays of its own.
 */
final class ShardWeights {
    /**
     * A layer's share.
     *
     * @param attention none on a rank of experts only
     * @param experts in the order of the rank's local groups: routed ones, then the extra one
     * @param routed how many are routed ones
     */
    private record LayerShare(Optional<Attention> attention, ExpertBanks experts, int routed) {}

    /** Projections of the rank's heads. */
    record Attention(WeightMatrix q, WeightMatrix k, WeightMatrix v, WeightMatrix o) {
        private Attention map(UnaryOperator<WeightMatrix> other) {
            return new Attention(other.apply(q), other.apply(k), other.apply(v), other.apply(o));
        }
    }

    private final Map<Integer, LayerShare> layers = new TreeMap<>();
    private final Optional<WeightMatrix> embedding;
    private final Optional<WeightMatrix> output;

    private ShardWeights(Optional<WeightMatrix> embedding, Optional<WeightMatrix> output) {
        this.embedding = embedding;
        this.output = output;
    }

    /** Bytes of host memory that the parts of arrays take that a rank holds. */
    static long copiedBytes(ModelWeights weights, Shard shard) {
        List<WeightMatrix> matrices = views(weights.whileBeingMade(), shard).matrices();
        Parts parts = Parts.of(matrices);
        return matrices.stream().filter(parts::has).mapToLong(WeightMatrix::bytes).sum();
    }

    /**
     * A rank's share.
     *
     * @param ownArrays whether parts of arrays shall be copied
     */
    static ShardWeights of(ModelWeights weights, Shard shard, boolean ownArrays) {
        ShardWeights views = views(weights, shard);
        if (!ownArrays) {
            return views;
        }
        List<WeightMatrix> matrices = views.matrices();
        if (matrices.stream().anyMatch(Parts.of(matrices)::has)) {
            weights.awaitMade();
        }
        return views.inOwnArrays();
    }

    private static ShardWeights views(ModelWeights weights, Shard shard) {
        ShardWeights share = new ShardWeights(
                shard.embedding() ? Optional.of(weights.embedding()) : Optional.empty(),
                shard.output().map(v -> weights.output().rowRange(v.from(), v.to())));
        int dim = weights.config().headDim();
        for (int layer = shard.firstLayer(); layer < shard.endLayer(); layer++) {
            LayerWeights.Attention all = weights.layers().get(layer).attention();
            Optional<Attention> attention = shard.attention()
                    .map(heads -> new Attention(
                            all.q().rowRange(heads.queryFrom() * dim, heads.queryTo() * dim),
                            all.k().rowRange(heads.kvFrom() * dim, heads.kvTo() * dim),
                            all.v().rowRange(heads.kvFrom() * dim, heads.kvTo() * dim),
                            all.o().colRange(heads.queryFrom() * dim, heads.queryTo() * dim)));
            ExpertBanks experts =
                    shard.experts().isPresent() ? shard.expertsOf(weights, layer) : ExpertBanks.NONE;
            int routed = shard.experts().isPresent()
                    ? shard.experts().get().perLayer().get(layer).size()
                    : 0;
            share.layers.put(layer, new LayerShare(attention, experts, routed));
        }
        return share;
    }

    private LayerShare layer(int layer) {
        return Objects.requireNonNull(layers.get(layer), () -> "layer " + layer + " is on another rank");
    }

    /** Projections of a layer on a rank with attention. */
    Attention attention(int layer) {
        return layer(layer).attention().orElseThrow();
    }

    /** Experts in the order of the rank's local groups. */
    ExpertBanks experts(int layer) {
        return layer(layer).experts();
    }

    WeightMatrix embedding() {
        return embedding.orElseThrow();
    }

    /** The rows of the rank's part of the vocabulary. */
    WeightMatrix output() {
        return output.orElseThrow();
    }

    private ShardWeights inOwnArrays() {
        Parts parts = Parts.of(matrices());
        ShardWeights own = new ShardWeights(embedding.map(parts::own), output.map(parts::own));
        layers.forEach((layer, share) -> own.layers.put(
                layer,
                new LayerShare(
                        share.attention().map(a -> a.map(parts::own)),
                        parts.own(share.experts(), share.routed()),
                        share.routed())));
        return own;
    }

    private List<WeightMatrix> matrices() {
        List<WeightMatrix> all = new ArrayList<>();
        embedding.ifPresent(all::add);
        output.ifPresent(all::add);
        for (LayerShare share : layers.values()) {
            share.attention().ifPresent(a -> all.addAll(List.of(a.q(), a.k(), a.v(), a.o())));
            share.experts().forEach(e -> all.addAll(e.matrices()));
        }
        return all;
    }

    /**
     * Makes arrays of their own for views that leave some of an array out.
     *
     * @param viewed by array the bytes that are in view
     */
    private record Parts(IdentityHashMap<TornadoNativeArray, Long> viewed) {

        static Parts of(List<WeightMatrix> matrices) {
            IdentityHashMap<TornadoNativeArray, Long> viewed = new IdentityHashMap<>();
            matrices.forEach(m -> viewed.merge(m.data(), m.bytes(), Long::sum));
            return new Parts(viewed);
        }

        boolean has(WeightMatrix m) {
            return viewed.getOrDefault(m.data(), 0L) < (long) m.data().getSize() * m.type().bytes();
        }

        WeightMatrix own(WeightMatrix m) {
            return has(m) ? sideBySide(List.of(m)) : m;
        }

        /** Routed experts lie side by side, so that one task serves them. */
        ExpertBanks own(ExpertBanks experts, int routed) {
            ExpertBanks own = stacked(experts.select(IntStream.range(0, routed).boxed().toList()));
            for (ExpertWeights extra : experts.subList(routed, experts.size())) {
                own = own.plus(extra.map(this::own));
            }
            return own;
        }

        private ExpertBanks stacked(ExpertBanks experts) {
            if (experts.stream().flatMap(e -> e.matrices().stream()).noneMatch(this::has)) {
                return experts;
            }
            ExpertWeights first = experts.getFirst();
            long size = (long) first.up().rows() * first.up().cols();
            boolean alike = experts.stream().allMatch(e -> e.up().type() == first.up().type()
                    && e.down().type() == first.down().type());
            if (!alike || size * experts.size() > Integer.MAX_VALUE) {
                return ExpertBanks.separate(experts.stream().map(e -> e.map(this::own)).toList());
            }
            WeightMatrix gate = first.gated() ? sideBySide(experts.stream().map(ExpertWeights::gate).toList()) : null;
            WeightMatrix up = sideBySide(experts.stream().map(ExpertWeights::up).toList());
            WeightMatrix down = sideBySide(experts.stream().map(ExpertWeights::down).toList());
            return ExpertBanks.stacked(experts.size(), new ExpertWeights(gate, up, down), (int) size, (int) size);
        }
    }

    /** {@return the first of dense copies of matrices of one shape, which lie side by side in one array} */
    private static WeightMatrix sideBySide(List<WeightMatrix> matrices) {
        WeightMatrix first = matrices.getFirst();
        int size = first.rows() * first.cols();
        TornadoNativeArray array = DeviceArrays.of(first.type(), Math.multiplyExact(size, matrices.size()));
        long rowBytes = (long) first.cols() * first.type().bytes();
        MemorySegment to = array.getSegment();
        IntStream.range(0, matrices.size() * first.rows()).parallel().forEach(i -> {
            WeightMatrix m = matrices.get(i / first.rows());
            long from = (m.offset() + (long) (i % first.rows()) * m.rowStride()) * m.type().bytes();
            MemorySegment.copy(m.data().getSegment(), from, to, i * rowBytes, rowBytes);
        });
        return new WeightMatrix(first.type(), array, 0, first.rows(), first.cols(), first.cols());
    }
}
