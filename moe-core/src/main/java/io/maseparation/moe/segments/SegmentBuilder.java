package io.maseparation.moe.segments;

import io.maseparation.files.ModelException;
import io.maseparation.kernels.DeviceArrays;
import io.maseparation.kernels.operations.ArgMax;
import io.maseparation.kernels.operations.Combine;
import io.maseparation.kernels.operations.Dispatch;
import io.maseparation.kernels.operations.Embedding;
import io.maseparation.kernels.operations.GraphTooLargeException;
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
import java.util.Set;
import java.util.TreeSet;
import uk.ac.manchester.tornado.api.ImmutableTaskGraph;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Turns segments into task graphs over one rank's buffers.
 *
 * <p>What a later graph of the rank needs (the residual stream and the router's choices) is persisted on the device by
 * every graph and consumed by every graph but the first, so that any order of the rank's micro-batches finds it:
 * TornadoVM hands buffers over from the graph executed last. A rank with one graph hands on nothing.
 */
final class SegmentBuilder {
    private final RankContext rank;
    private final ModelConfig config;
    private final RankArrays b;
    private final AttentionTasks attention;
    private final ExpertTasks experts;
    private final boolean severalSegments;
    /** Whether rows go to the experts of other ranks between the segments. */
    private final boolean exchanges;

    /**
     * A segment, or a piece of one, with its graph.
     *
     * @param segment the piece
     * @param graph its graph under construction, for its tasks and transfers
     * @param built the finished graph
     */
    record Piece(Segment segment, KernelGraph graph, ImmutableTaskGraph built) {}

    /**
     * @param rank what the graphs are made from
     * @param segments all segments of the rank
     */
    SegmentBuilder(RankContext rank, List<Segment> segments) {
        this.rank = rank;
        severalSegments = segments.size() > 1;
        exchanges = segments.stream()
                .flatMap(segment -> segment.parts().stream())
                .anyMatch(part -> part instanceof Part.Route route && route.export());
        config = rank.config();
        b = rank.arrays();
        attention = new AttentionTasks(rank);
        experts = new ExpertTasks(rank);
    }

    /**
     * The graphs that run a segment one after the other: one, or as few as TornadoVM has room for.
     *
     * @throws ModelException if a single layer is too much for a graph
     */
    List<Piece> pieces(Segment segment) {
        int layers = segment.layerCount();
        if (!b.keepsChoices && segment.parts().stream().filter(Part.Route.class::isInstance).count() > 1) {
            throw new IllegalArgumentException(
                    "segment %s has routers of several layers, and buffers for rows of other ranks"
                            .formatted(segment.name()));
        }
        int most = Math.max(1, layers);
        while (true) {
            List<Segment> pieces = segment.pieces(most);
            boolean smallest = most == 1;
            try {
                List<Piece> built = new ArrayList<>();
                for (Segment piece : pieces) {
                    KernelGraph graph = graph(piece, severalSegments || pieces.size() > 1);
                    outputChoices(graph, piece, pieces.subList(built.size() + 1, pieces.size()));
                    if (!smallest && !graph.hasRoom()) {
                        break;
                    }
                    built.add(new Piece(piece, graph, graph.build()));
                }
                if (built.size() == pieces.size()) {
                    return built;
                }
            } catch (GraphTooLargeException e) {
                if (smallest) {
                    throw new ModelException(String.valueOf(e.getMessage()), e);
                }
            }
            // One piece more, as even as that goes, or the next number of pieces that there can be.
            most = Math.min(most - 1, Math.ceilDiv(layers, pieces.size() + 1));
        }
    }

    /** The host takes choices that stay once, after the last graph that makes some. */
    private void outputChoices(KernelGraph g, Segment piece, List<Segment> later) {
        if (b.keepsChoices) {
            Set<Integer> slots = new TreeSet<>(slotsRouted(piece));
            later.forEach(segment -> slots.removeAll(slotsRouted(segment)));
            b.slots.forEach((n, s) -> {
                if (slots.contains(n)) {
                    g.output(s.choices());
                }
            });
        }
    }

    /** The numbers of slots of the layers that a segment routes. */
    private Set<Integer> slotsRouted(Segment segment) {
        Set<Integer> slots = new TreeSet<>();
        for (Part part : segment.parts()) {
            if (part instanceof Part.Route route) {
                slots.add(config.layers().get(route.layer()).routing().slots());
            }
        }
        return slots;
    }

    private KernelGraph graph(Segment segment, boolean handsOn) {
        KernelGraph g = new KernelGraph(segment.name(), rank.target(), rank.grid());
        if (rank.movesRows()) {
            g.moveRows();
        }
        if (rank.shard().attention().isPresent()) {
            g.workspace(b.x);
            if (handsOn) {
                carry(g, true);
            }
        }
        for (Part part : segment.parts()) {
            add(g, part);
        }
        return g;
    }

    /**
     * The graph to execute right before all segments: it puts on the device what they hand on. Its tasks name arrays
     * and have no rows to work on.
     */
    ImmutableTaskGraph first() {
        KernelGraph g = new KernelGraph("first", rank.target(), rank.grid());
        IntArray none = DeviceArrays.ints(3);
        g.constant(none);
        IntArray row = DeviceArrays.ints(1);
        FloatArray hidden = DeviceArrays.floats(config.hidden());
        g.constant(row, hidden, b.x);
        SelectRows.add(g, "residual", none, row, hidden, b.x, config.hidden());
        if (exchanges) {
            for (Map.Entry<Integer, RankArrays.Slots> e : b.slots.entrySet()) {
                RankArrays.Slots s = e.getValue();
                g.constant(s.ids(), s.weights(), s.expertOut());
                Combine.add(g, "slots" + e.getKey(), none, s.expertOut(), s.weights(), s.ids(), b.x, e.getKey(),
                        config.hidden(), 1f, true);
            }
        }
        if (b.keepsChoices) {
            for (Map.Entry<Integer, RankArrays.Slots> e : b.slots.entrySet()) {
                RankArrays.Slots s = e.getValue();
                IntArray noGroup = DeviceArrays.ints(1);
                // Of two groups: TornadoVM's OpenCL backend cannot compile the portable body for one.
                IntArray offsets = DeviceArrays.ints(3);
                g.constant(s.ids(), noGroup, offsets, s.choices());
                Dispatch.add(g, "choices" + e.getKey(), none, s.ids(), e.getKey(), noGroup, 2, offsets, s.choices());
            }
        }
        if (rank.handsOnQueries()) {
            g.constant(b.qkv);
            g.workspace(b.sums);
            SumOfSquares.add(g, "queries", none, b.qkv, rank.heads().qkvWidth(config), 0,
                    rank.heads().queries() * config.headDim(), b.sums, 2, 0);
        }
        carry(g, false);
        return g.build();
    }

    private void carry(KernelGraph g, boolean consume) {
        List<Object> carried = new ArrayList<>(List.of(b.x));
        if (exchanges) {
            b.slots.values().forEach(s -> carried.addAll(List.of(s.ids(), s.weights())));
        }
        if (b.keepsChoices) {
            // A transfer to the host is of all layers.
            b.slots.values().forEach(s -> carried.add(s.choices()));
        }
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
                g.input(b.step);
                g.inputRows(b.step, config.hidden(), b.received);
                g.constant(b.identity);
                SelectRows.add(g, "load", b.step, b.identity, b.received, b.x, config.hidden());
            }
            case Part.StoreHidden() -> g.outputRows(b.step, config.hidden(), b.x);
            case Part.Attention(int layer) -> attention.whole(g, layer);
            case Part.AttentionSums(int layer) -> attention.sums(g, layer);
            case Part.AttentionRest(int layer) -> attention.rest(g, layer);
            case Part.AddReduced() -> {
                g.input(b.step);
                g.inputRows(b.step, config.hidden(), b.partial);
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
