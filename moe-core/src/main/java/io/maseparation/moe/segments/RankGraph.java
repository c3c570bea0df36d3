package io.maseparation.moe.segments;

import io.maseparation.kernels.operations.CapturedGraph;
import io.maseparation.kernels.operations.KernelGraph;
import io.maseparation.kernels.operations.RowTransfer;
import java.util.ArrayList;
import java.util.List;
import uk.ac.manchester.tornado.api.ImmutableTaskGraph;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.common.TornadoDevice;

/**
 * A task graph of a rank's plan.
 *
 * @param piece what of a segment it is
 * @param index its place in the plan
 * @param transferBytes bytes that every execution takes to the device and back, besides rows
 * @param appends layers, counted from the shard's first, to which it appends keys and values
 * @param answers what shows whether the device has run it
 * @param rows what moves rows between host and device
 * @param captured what runs it without TornadoVM's interpreter, once it is captured
 */
record RankGraph(
        SegmentBuilder.Piece piece, int index, long transferBytes, List<Integer> appends, Answers answers,
        RowMover rows, CapturedGraph captured) {
    /**
     * {@return a piece of a segment as a graph of a plan}
     *
     * @param piece the piece
     * @param shard what the rank holds
     * @param plan the plan
     * @param index place of the graph in the plan
     * @param device the plan's device
     * @param mayFallSilent whether the backend goes on without a word when its driver fails
     */
    static RankGraph of(
            SegmentBuilder.Piece piece, Shard shard, TornadoExecutionPlan plan, int index, TornadoDevice device,
            boolean mayFallSilent) {
        KernelGraph graph = piece.graph();
        List<RowTransfer> answers = new ArrayList<>(mayFallSilent ? graph.rowOutputs() : List.of());
        answers.removeIf(out -> graph.rowInputs().stream().anyMatch(in -> in.array() == out.array()));
        return new RankGraph(
                piece,
                index,
                graph.inputBytes() + graph.outputBytes(),
                layersAppended(piece.segment(), shard.firstLayer()),
                new Answers(mayFallSilent ? graph.answers() : List.of(), answers),
                new RowMover(graph, piece.built(), plan, device),
                new CapturedGraph(piece.built(), plan, index, device));
    }

    /** {@return what the plan has} */
    ImmutableTaskGraph built() {
        return piece.built();
    }

    /** {@return names of its tasks} */
    List<String> tasks() {
        return piece.graph().taskNames();
    }

    /** {@return for each task whether it continues the operation of the task before} */
    List<Boolean> continued() {
        return piece.graph().continuedOperations();
    }

    private static List<Integer> layersAppended(Segment segment, int firstLayer) {
        List<Integer> layers = new ArrayList<>();
        for (Part part : segment.parts()) {
            if (part instanceof Part.Attention(int layer)) {
                layers.add(layer - firstLayer);
            } else if (part instanceof Part.AttentionRest(int layer)) {
                layers.add(layer - firstLayer);
            }
        }
        return layers;
    }
}
