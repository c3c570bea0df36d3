package io.maseparation.parallel.studies.paper;

import io.maseparation.moe.AttentionSize;
import io.maseparation.moe.Format;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelSize;
import io.maseparation.parallel.cluster.Cluster;
import java.util.function.IntToDoubleFunction;

/**
 * Least times of a decode step, from the bytes that must be read at the full bandwidth of the devices: no latency, no
 * launch, no transfer, no imbalance. Embedding and output projection are left out, and
 * rows choose experts uniformly, so that {@code n} rows visit {@code E (1 − (1 − k/E)^n)} of E experts on average.
 * Whatever a schedule does, a step takes at least as long.
 *
 * @param config model
 * @param size its bytes
 * @param cache format of the KV cache
 * @param bytesPerSecond bandwidth of a device's memory
 */
record Bounds(ModelConfig config, ModelSize size, Format cache, double bytesPerSecond) {
    /** The bounds with 16-bit keys and values. */
    static Bounds of(ModelConfig config, Cluster cluster) {
        return of(config, Format.F16, cluster);
    }

    /** The bounds of a model on a cluster: of several kinds of device, the one with the highest bandwidth counts. */
    static Bounds of(ModelConfig config, Format cache, Cluster cluster) {
        return new Bounds(config, ModelSize.of(config), cache,
                cluster.kinds().stream().mapToDouble(k -> k.roofline().bytesPerSecond()).max().orElseThrow());
    }

    /** Experts of a layer that some rows visit, on average. */
    double visitedExperts(int layer, double rows) {
        double experts = config.layers().get(layer).routing().experts();
        double k = config.layers().get(layer).routing().topK();
        return experts == 0 ? 0 : experts * (1 - Math.pow(1 - k / experts, rows));
    }

    /** Bytes of the keys and values of one token in a layer. */
    double kvBytesPerToken() {
        return AttentionSize.cachedBytes(config, cache);
    }

    /**
     * Least time of a step in milliseconds in any layout: every weight in use and every live key and value read once,
     * by all devices together.
     *
     * @param batch sequences
     * @param context positions that each attends to
     * @param devices number of devices
     */
    double anyLayoutMs(int batch, int context, int devices) {
        double seconds = overLayers(l -> attentionSeconds(l, batch, context) + expertSeconds(l, batch));
        return seconds / devices * 1e3;
    }

    /**
     * Least time of a step in milliseconds with attention replicated on A devices and whole experts on M others, under
     * any schedule. A schedule takes the batch as one or more micro-batches. The expert pool reads, for each, the
     * experts that it visits; an attention device reads its weights and its sequences' keys and values; and a
     * micro-batch passes through both, layer by layer. With the largest micro-batch of {@code b} rows, visits being
     * concave in rows, a step takes at least
     *
     * <pre>max(Σ te(b) + te(B − b), Σ ta(b) + ta(B − b), Σ ta(b) + te(b))</pre>
     *
     * over the layers, and this returns the least such value over all b.
     *
     * @param attention A
     * @param experts M
     * @param slices devices that split the heads of a group; 1 for replicated attention; divides A
     * @param batch sequences
     * @param context positions that each attends to
     */
    double separatedMs(int attention, int experts, int slices, int batch, int context) {
        double least = Double.POSITIVE_INFINITY;
        for (int largest = (batch + 1) / 2; largest <= batch; largest++) {
            int rest = batch - largest;
            double pool = expertPoolSeconds(largest, experts) + expertPoolSeconds(rest, experts);
            double first = attentionPoolSeconds(largest, attention, slices, context);
            double both = first + attentionPoolSeconds(rest, attention, slices, context);
            double chain = first + expertPoolSeconds(largest, experts);
            least = Math.min(least, Math.max(Math.max(pool, both), chain));
        }
        return least * 1e3;
    }

    /** Least time in milliseconds that M devices need to read the experts of a step, all rows at once. */
    double expertReadsMs(int experts, int batch) {
        return expertPoolSeconds(batch, experts) * 1e3;
    }

    /** Least time of one layer's attention in milliseconds, all sequences on one device. */
    double attentionOfLayerMs(int batch, int context) {
        return attentionSeconds(0, batch, context) * 1e3;
    }

    /** Least time of one layer's experts in milliseconds, spread over some devices. */
    double expertsOfLayerMs(int batch, int devices) {
        return expertSeconds(0, batch) / devices * 1e3;
    }

    private double expertPoolSeconds(int rows, int experts) {
        return rows == 0 ? 0 : overLayers(layer -> expertSeconds(layer, rows)) / experts;
    }

    /** Of the attention device with most rows. */
    private double attentionPoolSeconds(int rows, int attention, int slices, int context) {
        int most = Math.ceilDiv(rows, attention / slices);
        return rows == 0 ? 0 : overLayers(layer -> attentionSeconds(layer, most, context)) / slices;
    }

    private double overLayers(IntToDoubleFunction seconds) {
        double sum = 0;
        for (int layer = 0; layer < config.layers().size(); layer++) {
            sum += seconds.applyAsDouble(layer);
        }
        return sum;
    }

    private double attentionSeconds(int layer, int sequences, int context) {
        int window = config.layers().get(layer).slidingWindow();
        double positions = (double) sequences * (window > 0 ? Math.min(window, context) : context);
        double weights = size.layers().get(layer).attentionBytes();
        return (weights + positions * kvBytesPerToken()) / bytesPerSecond;
    }

    private double expertSeconds(int layer, int rows) {
        ModelSize.Layer bytes = size.layers().get(layer);
        double moved = visitedExperts(layer, rows) * bytes.expertBytes() + bytes.extraBytes();
        return moved / bytesPerSecond;
    }
}
