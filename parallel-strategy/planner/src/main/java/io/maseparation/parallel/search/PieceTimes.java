package io.maseparation.parallel.search;

import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.segments.Part;
import io.maseparation.moe.segments.Segment;
import io.maseparation.moe.segments.SegmentCosts;
import io.maseparation.moe.segments.StepShape;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.RankPlan;
import io.maseparation.parallel.simulate.ExpertTime;
import io.maseparation.parallel.simulate.Scenario;
import io.maseparation.parallel.simulate.SegmentTime;
import java.util.Arrays;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;

/** Times of the segments of one plan, layer by layer: equal layers take equal times, which are found once. */
final class PieceTimes {
    private final Plan plan;
    private final ModelConfig config;
    private final Scenario scenario;
    private final Cluster cluster;
    private final BoundTimes times;
    private final int[] firstLike;
    private final Map<Integer, List<List<Piece>>> ofClass = new HashMap<>();
    private final Map<BoundTimes.Alike, Integer> classes = new HashMap<>();
    private final Map<Use, Double> known = new HashMap<>();
    private final Map<RowsUse, double[]> knownActive = new HashMap<>();
    private final Map<RowsUse, IdentityHashMap<int[][], Double>> knownSteps = new HashMap<>();

    /**
     * The part of a segment with one layer.
     *
     * @param segment that part
     * @param number the same for all that take as long for the same rows
     * @param alike what that is
     * @param experts of the layer, if they are in it
     */
    record Piece(Segment segment, int number, BoundTimes.Alike alike, Optional<Part.Experts> experts) {}

    private record Use(int piece, StepShape shape) {}

    /** What the time of a piece with the experts of a rank's own rows depends on, besides how many are visited. */
    private record RowsUse(int piece, int rows) {}

    PieceTimes(Plan plan, Scenario scenario, BoundTimes times) {
        this.plan = plan;
        config = plan.config();
        this.scenario = scenario;
        this.times = times;
        cluster = times.cluster();
        Map<ModelConfig.Layer, Integer> first = new HashMap<>();
        firstLike = IntStream.range(0, config.layers().size())
                .map(layer -> first.computeIfAbsent(config.layers().get(layer), of -> layer))
                .toArray();
    }

    /**
     * The pieces of all segments of a rank.
     *
     * @param rankClass the same for ranks with the same segments
     */
    List<List<Piece>> of(RankPlan rank, int rankClass) {
        return ofClass.computeIfAbsent(rankClass, c -> rank.segments().stream()
                .map(segment -> segment.layers().stream().map(layer -> piece(rank, layer)).toList())
                .toList());
    }

    private Piece piece(RankPlan rank, Segment segment) {
        Optional<Part.Experts> experts = segment.experts();
        BoundTimes.Alike alike = new BoundTimes.Alike(
                cluster.devices().get(device(rank)).kind(),
                rank.shard().attention().map(h -> h.kvs()).orElse(0),
                rank.shard().attention().map(h -> h.parts()).orElse(0),
                experts.map(e -> rank.shard().experts().orElseThrow().perLayer().get(e.layer()).size())
                        .orElse(0),
                rank.shard().experts().map(e -> e.parts()).orElse(0),
                rank.shard().output().map(v -> v.size()).orElse(0),
                segment.parts().stream().map(this::like).toList());
        return new Piece(segment, classes.computeIfAbsent(alike, a -> classes.size()), alike, experts);
    }

    private Part like(Part part) {
        return switch (part) {
            case Part.Attention(int layer) -> new Part.Attention(firstLike[layer]);
            case Part.AttentionSums(int layer) -> new Part.AttentionSums(firstLike[layer]);
            case Part.AttentionRest(int layer) -> new Part.AttentionRest(firstLike[layer]);
            case Part.Route(int layer, boolean export, boolean weights) -> new Part.Route(firstLike[layer], export,
                    weights);
            case Part.Experts(int layer, boolean received, boolean sums) -> new Part.Experts(firstLike[layer],
                    received, sums);
            case Part.Combine(int layer, boolean imported, boolean partial) -> new Part.Combine(firstLike[layer],
                    imported, partial);
            case Part.Embed _,Part.LoadHidden _,Part.StoreHidden _,Part.AddReduced _,Part.Output _ -> part;
        };
    }

    private int device(RankPlan rank) {
        return plan.devices().get(rank.rank());
    }

    /** Seconds of the tasks of a piece. */
    double seconds(RankPlan rank, Piece piece, StepShape shape) {
        return known.computeIfAbsent(
                new Use(piece.number(), shape),
                use -> times.piece(piece.alike(), shape, () -> SegmentTime.taskSeconds(
                        new SegmentCosts(config, rank.shard(), scenario.conditions().kvFormat())
                                .of(scenario.conditions().counted(piece.segment()), shape),
                        scenario.conditions(),
                        cluster.kindOf(device(rank)))));
    }

    /**
     * Seconds of a piece with experts for the rank's own rows, averaged over steps.
     *
     * @param visits rows by step and expert; layers that stand for others have the very same array
     */
    double seconds(RankPlan rank, Piece piece, int[][] visits, StepShape shape) {
        RowsUse use = new RowsUse(piece.number(), shape.rows());
        IdentityHashMap<int[][], Double> ofVisits = knownSteps.computeIfAbsent(use, u -> new IdentityHashMap<>());
        Double alreadyKnown = ofVisits.get(visits);
        if (alreadyKnown != null) {
            return alreadyKnown;
        }
        double sum = 0;
        double[] ofActive = knownActive.computeIfAbsent(use, u -> unknown(visits[0].length));
        for (int[] of : visits) {
            // The rows and their pairs are given, so that nothing but the number of experts makes a difference.
            int active = active(of);
            if (Double.isNaN(ofActive[active])) {
                int[] all = IntStream.range(0, of.length).toArray();
                ofActive[active] = seconds(
                        rank, piece, shape.withExperts(ExpertTime.leastLoad(of, all, shape.rows())));
            }
            sum += ofActive[active];
        }
        ofVisits.put(visits, sum / visits.length);
        return sum / visits.length;
    }

    private static double[] unknown(int experts) {
        double[] unknown = new double[1 + experts];
        Arrays.fill(unknown, Double.NaN);
        return unknown;
    }

    private static int active(int[] counts) {
        int active = 0;
        for (int rows : counts) {
            active += rows > 0 ? 1 : 0;
        }
        return active;
    }
}
