package io.maseparation.parallel.execute;

import io.maseparation.kernels.DataType;
import io.maseparation.kernels.ExpertWeights;
import io.maseparation.moe.LayerWeights;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelWeights;

/**
 * What a decode step of the whole batch must do at least on any layout: every weight in use read once, every live key
 * and value read once; a multiply-add of every weight with every row that meets it.
 *
 * @param bytes mean bytes a step
 * @param flops mean floating-point operations a step
 */
record StepWork(double bytes, double flops) {

    static StepWork of(
            ModelWeights weights, Workload workload, DataType kvType, Recorder recorder, int decodeSteps) {
        ModelConfig config = weights.config();
        if (decodeSteps == 0) {
            return new StepWork(Double.NaN, Double.NaN);
        }
        double rows = workload.prompts().size();
        double positions = 0;
        for (int i = 0; i < workload.prompts().size(); i++) {
            positions += workload.depth() + workload.prompts().get(i).length + (decodeSteps + 1) / 2.0;
        }
        double bytes = weights.output().bytes();
        double flops = 2 * rows * elements(weights.output().rows(), weights.output().cols());
        for (int l = 0; l < config.layers().size(); l++) {
            LayerWeights layer = weights.layers().get(l);
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

    private static double elements(ExpertWeights expert) {
        return elements(expert.width(), expert.up().cols()) * (expert.gated() ? 3 : 2);
    }

    private static double elements(int rows, int cols) {
        return (double) rows * cols;
    }
}
