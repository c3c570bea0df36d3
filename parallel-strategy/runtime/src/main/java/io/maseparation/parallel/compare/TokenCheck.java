package io.maseparation.parallel.compare;

import io.maseparation.kernels.DataType;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.Reference;
import io.maseparation.moe.segments.SyntheticContext;
import io.maseparation.parallel.run.ExecutionOptions;
import io.maseparation.parallel.run.RunResult;
import io.maseparation.parallel.run.Workload;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Whether two runs of the same work chose the same tokens. Layouts with whole experts must, always. Layouts that split
 * sums round differently: there a token may differ where the float64 reference finds a near tie, between the two most
 * likely tokens or between the last expert that is chosen and the first that is not.
 */
public final class TokenCheck {
    /** Gap of logits or router scores below which rounding may decide; both are of the order of 1. */
    public static final double NEAR_TIE = 1e-3;
    /** The same where keys and values, or activations, are rounded to 16 bits. */
    public static final double NEAR_TIE_F16 = 2e-2;

    private final ModelWeights weights;
    private final double nearTie;
    private final DataType kvType;
    private final Workload workload;

    /**
     * The first token of a sequence that is not the expected one.
     *
     * @param sequence index of the sequence
     * @param position index among its output tokens
     * @param expected token of the run compared with; -1 if that had ended
     * @param actual token of this run; -1 if it had ended
     * @param gap least gap that the float64 reference sees up to there; NaN where it was not asked
     * @param allowed whether that is a near tie, so that either token is right
     */
    public record Difference(int sequence, int position, int expected, int actual, double gap, boolean allowed) {}

    /**
     * A check of runs of one model.
     *
     * @param weights the model, for the reference
     * @param execution how the runs were made
     * @param workload what they were to do
     */
    public TokenCheck(ModelWeights weights, ExecutionOptions execution, Workload workload) {
        this.weights = weights;
        this.kvType = execution.kvType();
        this.workload = workload;
        this.nearTie = execution.coarsestType() == DataType.F32 ? NEAR_TIE : NEAR_TIE_F16;
    }

    /**
     * Compares two runs of the same work.
     *
     * @param expected the run to compare with
     * @param actual the run to check
     * @param rounding whether the two may round differently; only then is the reference asked
     * @return the first difference of each sequence that has one
     */
    public List<Difference> compare(RunResult expected, RunResult actual, boolean rounding) {
        List<Difference> differences = new ArrayList<>();
        for (int i = 0; i < expected.outputs().size(); i++) {
            List<Integer> a = expected.outputs().get(i).tokenIds();
            List<Integer> b = actual.outputs().get(i).tokenIds();
            int position = firstDifference(a, b);
            if (position >= 0) {
                double gap = rounding ? smallestGap(i, expected.outputs().get(i), position) : Double.NaN;
                differences.add(
                        new Difference(i, position, at(a, position), at(b, position), gap, gap < nearTie));
            }
        }
        return differences;
    }

    private static int firstDifference(List<Integer> a, List<Integer> b) {
        return IntStream.range(0, Math.max(a.size(), b.size()))
                .filter(i -> at(a, i) != at(b, i))
                .findFirst()
                .orElse(-1);
    }

    private static int at(List<Integer> tokens, int index) {
        return index < tokens.size() ? tokens.get(index) : -1;
    }

    private double smallestGap(int sequence, RunResult.SequenceOutput output, int position) {
        int[] tokens = IntStream.concat(
                output.promptIds().stream().mapToInt(t -> t),
                output.tokenIds().subList(0, position).stream().mapToInt(t -> t))
                .toArray();
        int length = workload.positions(sequence) + 1;
        Reference.Trace trace = new Reference(weights).trace(tokens, length, SyntheticContext.past(
                weights.config(), kvType, workload.sampling().seed(), sequence, workload.depth()));
        double router = Arrays.stream(trace.routerGap()).min().orElse(Double.POSITIVE_INFINITY);
        return Math.min(trace.logitGap()[tokens.length - 1], router);
    }
}
