package io.maseparation.parallel.search;

import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.segments.Part;
import io.maseparation.moe.segments.StepShape;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.simulate.Conditions;
import io.maseparation.parallel.simulate.ExpertTime;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;

/**
 * Times that bounds of many layouts have in common, of one model on one cluster: ranks of different layouts hold as
 * many experts or heads, and get as many rows. Several threads may ask.
 *
 * @param cluster the cluster
 * @param conditions formats and launches
 * @param experts what experts take, by all that it depends on
 * @param pieces seconds of other parts of segments, likewise
 */
record BoundTimes(
        Cluster cluster, Conditions conditions, Map<Bank, ExpertTime> experts, Map<PieceUse, Double> pieces) {

    /**
     * What the time of experts depends on, besides their rows.
     *
     * @param kind index of the kind of device
     * @param layer the layer
     * @param held experts of it that are held
     * @param parts ranks that split their width
     * @param extra whether the layer's extra expert is held
     * @param sums whether outputs of a row are summed
     */
    record Bank(int kind, ModelConfig.Layer layer, int held, int parts, boolean extra, boolean sums) {}

    /**
     * What the time of a piece depends on, besides its rows; layers are the first that are equal.
     *
     * @param kind index of the kind of device
     * @param heads heads of keys and values
     * @param slices ranks that split heads
     * @param held experts of the layer
     * @param parts ranks that split their width
     * @param vocabulary logits
     * @param like its parts
     */
    record Alike(int kind, int heads, int slices, int held, int parts, int vocabulary, List<Part> like) {}

    /** A piece with some rows. */
    record PieceUse(Alike piece, StepShape shape) {}

    BoundTimes(Cluster cluster, Conditions conditions) {
        this(cluster, conditions, new ConcurrentHashMap<>(), new ConcurrentHashMap<>());
    }

    /** Whether these are of that cluster and of such conditions. */
    @SuppressWarnings("ReferenceEquality") // a search has one cluster, and to compare all it says takes long
    boolean of(Cluster otherCluster, Conditions otherConditions) {
        return cluster == otherCluster && conditions.equals(otherConditions);
    }

    double piece(Alike piece, StepShape shape, Supplier<Double> seconds) {
        PieceUse use = new PieceUse(piece, shape);
        Double known = pieces.get(use);
        if (known == null) {
            known = seconds.get();
            pieces.put(use, known);
        }
        return known;
    }
}
