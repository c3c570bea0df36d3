package io.maseparation.moe.segments;

import io.maseparation.kernels.DeviceArrays;
import io.maseparation.kernels.operations.ArgMax;
import io.maseparation.kernels.operations.Combine;
import io.maseparation.kernels.operations.Embedding;
import io.maseparation.kernels.operations.KernelGraph;
import io.maseparation.kernels.operations.Projection;
import io.maseparation.kernels.operations.ResidualAdd;
import io.maseparation.kernels.operations.RmsNorm;
import io.maseparation.kernels.operations.SelectRows;
import io.maseparation.kernels.operations.SumOfSquares;
import io.maseparation.moe.ModelConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import uk.ac.manchester.tornado.api.ImmutableTaskGraph;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Turns segments into task graphs over one rank's buffers.
 *
 * <p>What a later graph of the rank needs (the residual stream and the router's choice) is persisted on the device by
 * every graph and consumed by every graph but the first, so that any order of the rank's micro-batches finds it:
 * TornadoVM hands buffers over from the graph executed last.
 */
final class SegmentBuilder {
    private final RankContext rank;
    private final ModelConfig config;
    private final RankArrays b;
    private final AttentionTasks attention;
    private final ExpertTasks experts;

    SegmentBuilder(RankContext rank) {
        this.rank = rank;
        config = rank.config();
        b = rank.arrays();
        attention = new AttentionTasks(rank);
        experts = new ExpertTasks(rank);
    }

    /** The graph of a segment, not yet finished. */
    KernelGraph graph(Segment segment) {
        KernelGraph g = new KernelGraph(segment.name(), rank.target(), rank.grid());
        carry(g, true);
        for (Part part : segment.parts()) {
            add(g, part);
        }
        return g;
    }

    /**
     * The graph to execute before all others: it puts on the device what they hand on. Its tasks name the arrays and
     * have no rows to work on.
     */
    ImmutableTaskGraph first() {
        KernelGraph g = new KernelGraph("first", rank.target(), rank.grid());
        IntArray none = DeviceArrays.ints(3);
        g.constant(none);
        if (rank.shard().attention().isPresent()) {
            for (Map.Entry<Integer, RankArrays.Slots> e : b.slots.entrySet()) {
                RankArrays.Slots s = e.getValue();
                g.constant(b.x, s.ids(), s.weights(), s.expertOut());
                Combine.add(g, "slots" + e.getKey(), none, s.expertOut(), s.weights(), s.ids(), b.x, e.getKey(),
                        config.hidden(), 1f, true);
            }
            if (rank.handsOnQueries()) {
                g.constant(b.qkv);
                g.workspace(b.sums);
                SumOfSquares.add(g, "queries", none, b.qkv, rank.heads().qkvWidth(config), 0,
                        rank.heads().queries() * config.headDim(), b.sums, 2, 0);
            }
        }
        carry(g, false);
        return g.build();
    }

    private void carry(KernelGraph g, boolean consume) {
        if (rank.shard().attention().isEmpty()) {
            return;
        }
        List<Object> carried = new ArrayList<>(List.of(b.x));
        b.slots.values().forEach(s -> carried.addAll(List.of(s.ids(), s.weights())));
        if (rank.handsOnQueries()) {
            carried.add(b.qkv);
        }
        if (consume) {
            g.consume(carried.toArray());
        }
        g.persist(carried.toArray());
    }

    private void add(KernelGraph g, Part part) {
        switch (part) {
            case Part.Embed() -> {
                g.input(b.step, b.tokens);
                Embedding.add(g, "embed", b.step, b.tokens, rank.matrices().embedding(), b.x,
                        config.numerics().embeddingMultiplier());
            }
            case Part.LoadHidden() -> {
                g.input(b.step, b.received);
                g.constant(b.identity);
                SelectRows.add(g, "load", b.step, b.identity, b.received, b.x, config.hidden());
            }
            case Part.StoreHidden() -> g.output(b.x);
            case Part.Attention(int layer) -> attention.whole(g, layer);
            case Part.AttentionSums(int layer) -> attention.sums(g, layer);
            case Part.AttentionRest(int layer) -> attention.rest(g, layer);
            case Part.AddReduced() -> {
                g.input(b.step, b.partial);
                ResidualAdd.add(g, "reduced", b.step, b.partial, b.x, config.hidden(),
                        config.numerics().residualMultiplier());
            }
            case Part.Route route -> experts.route(g, route);
            case Part.Experts held -> experts.run(g, held);
            case Part.Combine(int layer, boolean imported, boolean partial) -> experts.combine(g, layer, imported,
                    partial);
            case Part.Output() -> output(g);
        }
    }

    private void output(KernelGraph g) {
        Shard.Vocabulary vocabulary = rank.shard().output().orElseThrow();
        g.input(b.outputStep, b.outputRows);
        g.workspace(b.outputX, b.outputNormed);
        SelectRows.add(g, "select", b.outputStep, b.outputRows, b.x, b.outputX, config.hidden());
        RmsNorm.add(g, "norm_f", b.outputStep, b.outputX, rank.weights().finalNorm(), b.outputNormed, config.hidden(),
                config.normEps());
        Projection.add(g, "logits", b.outputStep, b.outputNormed, rank.matrices().output(), null, b.logits,
                config.numerics().logitsScale(), false);
        ArgMax.add(g, "best", b.outputStep, b.logits, b.best, vocabulary.size());
        g.output(b.best);
        g.outputOnDemand(b.logits);
    }
}
