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
import java.util.TreeMap;
import java.util.stream.IntStream;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * The matrices that a rank holds. Those of a rank on the embedded runtime are views of the model's arrays. To the
 * devices of an SDK whole arrays go, so there a rank that holds parts of an array has them in an array of its own.
 */
final class ShardWeights {
    /**
     * A layer's share; matrices that the rank does not hold are null.
     *
     * @param experts in the order of the rank's local groups: routed ones, then the extra one
     * @param routed how many are routed ones
     */
    private record LayerShare(
            WeightMatrix q, WeightMatrix k, WeightMatrix v, WeightMatrix o, ExpertBanks experts, int routed) {}

    private final Map<Integer, LayerShare> layers = new TreeMap<>();
    private final WeightMatrix embedding;
    private final WeightMatrix output;

    private ShardWeights(WeightMatrix embedding, WeightMatrix output) {
        this.embedding = embedding;
        this.output = output;
    }

    /** Bytes of host memory that the parts of arrays take that a rank holds. */
    static long copiedBytes(ModelWeights weights, Shard shard) {
        List<WeightMatrix> matrices = views(weights, shard).matrices();
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
        return ownArrays ? views.inOwnArrays() : views;
    }

    private static ShardWeights views(ModelWeights weights, Shard shard) {
        ShardWeights share = new ShardWeights(
                shard.embedding() ? weights.embedding() : null,
                shard.output()
                        .map(v -> weights.output().rowRange(v.from(), v.to()))
                        .orElse(null));
        int dim = weights.config().headDim();
        for (int layer = shard.firstLayer(); layer < shard.endLayer(); layer++) {
            LayerWeights w = weights.layers().get(layer);
            ExpertBanks experts =
                    shard.experts().isPresent() ? shard.expertsOf(weights, layer) : ExpertBanks.NONE;
            int routed = shard.experts().isPresent()
                    ? shard.experts().get().perLayer().get(layer).size()
                    : 0;
            share.layers.put(
                    layer,
                    shard.attention()
                            .map(heads -> new LayerShare(
                                    w.attention().q().rowRange(heads.queryFrom() * dim, heads.queryTo() * dim),
                                    w.attention().k().rowRange(heads.kvFrom() * dim, heads.kvTo() * dim),
                                    w.attention().v().rowRange(heads.kvFrom() * dim, heads.kvTo() * dim),
                                    w.attention().o().colRange(heads.queryFrom() * dim, heads.queryTo() * dim),
                                    experts,
                                    routed))
                            .orElseGet(() -> new LayerShare(null, null, null, null, experts, routed)));
        }
        return share;
    }

    WeightMatrix q(int layer) {
        return layers.get(layer).q();
    }

    WeightMatrix k(int layer) {
        return layers.get(layer).k();
    }

    WeightMatrix v(int layer) {
        return layers.get(layer).v();
    }

    /** The output projection's columns. */
    WeightMatrix o(int layer) {
        return layers.get(layer).o();
    }

    /** Experts in the order of the rank's local groups. */
    ExpertBanks experts(int layer) {
        return layers.get(layer).experts();
    }

    WeightMatrix embedding() {
        return embedding;
    }

    /** The rows of the rank's part of the vocabulary. */
    WeightMatrix output() {
        return output;
    }

    private ShardWeights inOwnArrays() {
        Parts parts = Parts.of(matrices());
        ShardWeights own = new ShardWeights(parts.own(embedding), parts.own(output));
        layers.forEach((layer, share) -> own.layers.put(
                layer,
                new LayerShare(
                        parts.own(share.q()),
                        parts.own(share.k()),
                        parts.own(share.v()),
                        parts.own(share.o()),
                        parts.own(share.experts(), share.routed()),
                        share.routed())));
        return own;
    }

    private List<WeightMatrix> matrices() {
        List<WeightMatrix> all = new ArrayList<>();
        add(all, embedding, output);
        for (LayerShare share : layers.values()) {
            add(all, share.q(), share.k(), share.v(), share.o());
            share.experts().forEach(e -> add(all, e.gate(), e.up(), e.down()));
        }
        return all;
    }

    private static void add(List<WeightMatrix> all, WeightMatrix... matrices) {
        for (WeightMatrix m : matrices) {
            if (m != null) {
                all.add(m);
            }
        }
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
            return viewed.get(m.data()) < (long) m.data().getSize() * m.type().bytes();
        }

        WeightMatrix own(WeightMatrix m) {
            return m == null || !has(m) ? m : sideBySide(List.of(m));
        }

        private ExpertWeights own(ExpertWeights e) {
            return new ExpertWeights(own(e.gate()), own(e.up()), own(e.down()));
        }

        /** Routed experts lie side by side, so that one task serves them. */
        ExpertBanks own(ExpertBanks experts, int routed) {
            ExpertBanks own = stacked(experts.select(IntStream.range(0, routed).boxed().toList()));
            for (ExpertWeights extra : experts.subList(routed, experts.size())) {
                own = own.plus(own(extra));
            }
            return own;
        }

        private ExpertBanks stacked(ExpertBanks experts) {
            if (experts.stream().noneMatch(e -> (e.gated() && has(e.gate())) || has(e.up()) || has(e.down()))) {
                return experts;
            }
            ExpertWeights first = experts.getFirst();
            long size = (long) first.up().rows() * first.up().cols();
            if (size * experts.size() > Integer.MAX_VALUE) {
                return ExpertBanks.separate(experts.stream().map(this::own).toList());
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
