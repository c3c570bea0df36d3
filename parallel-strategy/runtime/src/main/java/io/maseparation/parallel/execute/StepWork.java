package io.maseparation.parallel.execute;

import io.maseparation.kernels.DataType;
import io.maseparation.kernels.ExpertWeights;
import io.maseparation.moe.LayerWeights;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelWeights;
import io.maseparation.parallel.execute.rank.Recorder;
import io.maseparation.parallel.execute.rank.Sequences;
import io.maseparation.parallel.run.Workload;
import java.util.Arrays;

/**
 * What a decode step of the whole batch must do at least on any layout: every weight in use read once, every live key
 * and value read once; a multiply-add of every weight with every row that meets it.
 *
 * @param bytes mean bytes per step
 * @param flops mean floating-point operations per step
 */
record StepWork(double bytes, double flops) {

    static StepWork of(
            ModelWeights weights, Workload workload, DataType kvType, Recorder recorder, Sequences sequences,
            int decodeSteps) {
        ModelConfig config = weights.config();
        if (decodeSteps == 0) {
            return new StepWork(Double.NaN, Double.NaN);
        }
        // A sequence that has ended takes no part in the steps after that.
        int n = workload.prompts().size();
        int[] lengths = new int[n];
        int[] stepsOf = new int[n];
        for (int i = 0; i < n; i++) {
            lengths[i] = workload.depth() + workload.prompts().get(i).length;
            stepsOf[i] = sequences.tokens(i).size() - 1;
        }
        double rows = Arrays.stream(stepsOf).sum() / (double) decodeSteps;
        double bytes = weights.output().bytes();
        double flops = 2 * rows * elements(weights.output().rows(), weights.output().cols());
        for (int l = 0; l < config.layers().size(); l++) {
            LayerWeights layer = weights.layers().get(l);
            double positions = positions(lengths, stepsOf, config.layers().get(l).slidingWindow()) / decodeSteps;
            bytes += layer.attentionBytes();
            flops += 2
                    * rows
                    * (elements(config.hidden(), config.qkvWidth()) + elements(config.hidden(), config.queryWidth()));
            bytes += 2 * positions * config.kvWidth() * kvType.bytes();
            flops += 4 * positions * config.queryWidth();
            flops += 2.0 * rows * config.layers().get(l).routing().experts() * config.hidden();
            if (!layer.experts().isEmpty()) {
                ExpertWeights expert = layer.experts().getFirst();
                bytes += (double) recorder.distinctExperts(l) / decodeSteps * expert.bytes();
                flops += 2 * rows * config.layers().get(l).routing().topK() * elements(expert);
            }
            if (layer.extra() != null) {
                bytes += layer.extra().bytes();
                flops += 2 * rows * elements(layer.extra());
            }
        }
        return new StepWork(bytes, flops);
    }

    /**
     * Positions that all rows of all decode steps see.
     *
     * @param lengths prompt tokens of each sequence
     * @param steps decode steps of each sequence
     * @param window most positions that a row sees; 0 for all
     */
    static double positions(int[] lengths, int[] steps, int window) {
        double positions = 0;
        for (int i = 0; i < lengths.length; i++) {
            for (int step = 0; step < steps[i]; step++) {
                int seen = lengths[i] + step + 1;
                positions += window > 0 ? Math.min(window, seen) : seen;
            }
        }
        return positions;
    }

    private static double elements(ExpertWeights expert) {
        return elements(expert.width(), expert.up().cols()) * (expert.gated() ? 3 : 2);
    }

    private static double elements(int rows, int cols) {
        return (double) rows * cols;
    }
}
