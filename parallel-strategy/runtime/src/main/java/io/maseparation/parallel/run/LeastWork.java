package io.maseparation.parallel.run;

import io.maseparation.moe.AttentionSize;
import io.maseparation.moe.Format;
import io.maseparation.moe.LayerFormats;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelSize;
import java.util.List;
import java.util.function.ToDoubleFunction;

/**
 * What a decode step of the whole batch must do at least, on any layout: every weight in use and every live key and
 * value is read once, and every row meets every weight that is applied to it. The one definition, for what is executed
 * and what is simulated.
 *
 * @param bytes bytes of a step
 * @param flops floating-point operations of a step, two for a multiply-add
 */
public record LeastWork(double bytes, double flops) {

    /**
     * What a step does in one layer; means where steps differ.
     *
     * @param positions positions of the KV cache that all rows see together
     * @param experts distinct routed experts that the rows visit
     */
    public record Layer(double positions, double experts) {}

    /**
     * {@return the least work of a step}
     *
     * @param config shape of the model
     * @param rows rows of the step, one for each sequence that takes part
     * @param lmHead whether logits are computed
     * @param kvFormat format of the KV cache
     * @param layers one entry per layer of the model
     * @param weight what an operation in a format counts; 1 for all counts plain operations
     */
    public static LeastWork of(
            ModelConfig config, double rows, boolean lmHead, Format kvFormat, List<Layer> layers,
            ToDoubleFunction<Format> weight) {
        ModelSize size = ModelSize.of(config);
        double bytes = 0;
        double flops = 0;
        if (lmHead) {
            // A tied projection is the embedding, which is then read whole.
            bytes += size.outputBytes() + (config.vocabulary().tied() ? size.embeddingBytes() : 0);
            flops += 2 * rows * config.hidden() * config.vocab() * weight.applyAsDouble(config.outputFormat());
        }
        double multiplyAdds = 2 * rows * config.feedForward().matrices() * config.hidden();
        for (int l = 0; l < layers.size(); l++) {
            ModelConfig.Layer layer = config.layers().get(l);
            ModelSize.Layer held = size.layers().get(l);
            LayerFormats formats = config.formats(l);
            Layer used = layers.get(l);
            bytes += held.attentionBytes() + held.routerBytes() + held.extraBytes();
            bytes += used.experts() * held.expertBytes();
            bytes += used.positions() * AttentionSize.cachedBytes(config, kvFormat);
            flops += 2 * rows * AttentionSize.matrixElements(config) * weight.applyAsDouble(formats.attention());
            flops += used.positions()
                    * AttentionSize.positionFlops(config, config.heads())
                    * weight.applyAsDouble(kvFormat);
            flops += 2 * rows * layer.routing().experts() * config.hidden();
            flops += multiplyAdds
                    * layer.routing().topK() * layer.expertWidth() * weight.applyAsDouble(formats.experts());
            flops += multiplyAdds * layer.extraWidth() * weight.applyAsDouble(formats.extra());
        }
        return new LeastWork(bytes, flops);
    }

    /**
     * {@return positions that all rows of all decode steps see together}
     *
     * @param lengths prompt tokens of each sequence
     * @param steps decode steps of each sequence
     * @param window most positions that a row sees; 0 for all
     */
    public static double positions(int[] lengths, int[] steps, int window) {
        double positions = 0;
        for (int i = 0; i < lengths.length; i++) {
            for (int step = 0; step < steps[i]; step++) {
                int seen = lengths[i] + step + 1;
                positions += window > 0 ? Math.min(window, seen) : seen;
            }
        }
        return positions;
    }
}
