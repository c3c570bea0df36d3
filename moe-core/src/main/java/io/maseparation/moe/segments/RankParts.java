package io.maseparation.moe.segments;

import io.maseparation.kernels.operations.KernelGraph;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.RopeTable;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.ImmutableTaskGraph;

/**
 * What a rank is made of.
 *
 * @param first the graph to execute right before all segments, where graphs hand something on
 * @param caches what makes the KV cache on the device, where that can be
 */
record RankParts(
        RankArrays arrays, RopeTable rope, Map<Segment, List<SegmentBuilder.Piece>> pieces,
        Optional<ImmutableTaskGraph> first, Optional<DeviceCaches> caches) {
    List<KernelGraph> graphs() {
        return pieces.values().stream().flatMap(List::stream).map(SegmentBuilder.Piece::graph).toList();
    }

    static RankParts of(
            Device device, ModelWeights weights, Shard shard, Capacity capacity, List<Segment> segments,
            GridScheduler grid, boolean movesRows) {
        boolean compiles = !device.target().embedded();
        // Kernels can be compiled before there is anything to compute with.
        ModelWeights arraysOnly = compiles ? weights.whileBeingMade() : weights;
        RankArrays arrays = new RankArrays(weights.config(), shard, capacity);
        RopeTable rope = RopeTable.create(
                weights.config(), shard.attention().isPresent() ? capacity.contexts() : List.of());
        SegmentBuilder builder = new SegmentBuilder(new RankContext(
                arraysOnly,
                ShardWeights.of(arraysOnly, shard, compiles),
                shard,
                arrays,
                rope.values(),
                device.target(),
                grid,
                movesRows), segments);
        Map<Segment, List<SegmentBuilder.Piece>> pieces = new LinkedHashMap<>();
        segments.forEach(segment -> pieces.put(segment, builder.pieces(segment)));
        // Ranks with experts only hand nothing from graph to graph, nor do those with one graph. On the embedded
        // runtime the graph tells where the device's memory is.
        boolean handsOn = shard.attention().isPresent()
                && (!compiles || pieces.values().stream().mapToInt(List::size).sum() > 1);
        return new RankParts(
                arrays,
                rope,
                pieces,
                handsOn ? Optional.of(builder.first()) : Optional.empty(),
                compiles && shard.attention().isPresent()
                        ? DeviceCaches.of(arrays.caches, shard, device.target(), grid)
                        : Optional.empty());
    }
}
