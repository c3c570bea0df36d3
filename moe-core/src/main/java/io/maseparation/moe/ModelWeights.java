package io.maseparation.moe;

import io.maseparation.kernels.WeightMatrix;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/**
 * All weights of a model, held once in this process whatever the number of ranks that read them; on the devices of a
 * TornadoVM SDK ranks copy what they hold of an array.
 *
 * <p>Weights may still be made when their arrays are there. Whoever asks for arrays here waits until they are, unless
 * he says that he does not read them yet: {@link #whileBeingMade}. Safe for use by any number of threads.
 */
public final class ModelWeights {
    private final ModelConfig config;
    private final WeightMatrix embedding;
    private final List<LayerWeights> layers;
    private final FloatArray finalNorm;
    private final WeightMatrix output;
    private final CompletableFuture<?> made;
    private final Runnable stop;
    private final boolean waits;

    /**
     * Weights that are there.
     *
     * @param config what the weights belong to
     * @param embedding [vocab, hidden]
     * @param layers one entry per layer
     * @param finalNorm [hidden]
     * @param output [vocab, hidden]; the embedding itself where they are tied
     */
    public ModelWeights(
            ModelConfig config,
            WeightMatrix embedding,
            List<LayerWeights> layers,
            FloatArray finalNorm,
            WeightMatrix output) {
        this.config = config;
        this.embedding = embedding;
        this.layers = List.copyOf(layers);
        this.finalNorm = finalNorm;
        this.output = output;
        made = CompletableFuture.completedFuture(null);
        stop = () -> {};
        waits = false;
    }

    private ModelWeights(ModelWeights other, CompletableFuture<?> made, Runnable stop, boolean waits) {
        config = other.config;
        embedding = other.embedding;
        layers = other.layers;
        finalNorm = other.finalNorm;
        output = other.output;
        this.made = made;
        this.stop = stop;
        this.waits = waits;
    }

    /**
     * The same arrays, whose elements are there when something has ended.
     *
     * @param making what ends, and fails when it is stopped
     * @param stop has it end early
     */
    ModelWeights whenEnds(CompletableFuture<?> making, Runnable stop) {
        return new ModelWeights(this, making, stop, true);
    }

    /** {@return the same for one who does not read or send elements before {@link #awaitMade}, and so need not wait} */
    public ModelWeights whileBeingMade() {
        return new ModelWeights(this, made, stop, false);
    }

    /**
     * Waits until all elements are there.
     *
     * @throws RuntimeException what making them failed with
     */
    public void awaitMade() {
        try {
            made.join();
        } catch (CompletionException e) {
            if (e.getCause() instanceof RuntimeException failure) {
                throw failure;
            }
            if (e.getCause() instanceof Error failure) {
                throw failure;
            }
            throw e;
        }
    }

    /**
     * Gives up what is not there yet and returns when nobody writes to the arrays any more, for whoever frees them.
     * {@link #awaitMade} then fails, unless all elements were there.
     */
    public void abandon() {
        stop.run();
        try {
            made.join();
        } catch (CompletionException e) {
            System.getLogger(ModelWeights.class.getName())
                    .log(System.Logger.Level.DEBUG, "weights that nobody wants any more", e);
        }
    }

    private void arrive() {
        if (waits) {
            awaitMade();
        }
    }

    /** {@return what the weights belong to} */
    public ModelConfig config() {
        return config;
    }

    /** {@return [vocab, hidden]} */
    public WeightMatrix embedding() {
        arrive();
        return embedding;
    }

    /** {@return one entry per layer} */
    public List<LayerWeights> layers() {
        arrive();
        return layers;
    }

    /** {@return [hidden]} */
    public FloatArray finalNorm() {
        arrive();
        return finalNorm;
    }

    /** {@return [vocab, hidden]; the embedding itself where they are tied} */
    public WeightMatrix output() {
        arrive();
        return output;
    }

    /** {@return bytes of every weight, each counted once} */
    public long bytes() {
        long bytes = embedding.bytes() + 4L * finalNorm.getSize();
        if (!config.vocabulary().tied()) {
            bytes += output.bytes();
        }
        for (LayerWeights layer : layers) {
            bytes += layer.attentionBytes() + layer.expertBytes();
        }
        return bytes;
    }
}
