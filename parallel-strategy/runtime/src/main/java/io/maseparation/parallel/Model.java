package io.maseparation.parallel;

import io.maseparation.files.ModelException;
import io.maseparation.files.Text;
import io.maseparation.kernels.ArrayMemory;
import io.maseparation.kernels.operations.KernelTarget;
import io.maseparation.moe.Checkpoint;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.Presets;
import io.maseparation.moe.RandomWeights;
import io.maseparation.moe.Sampler;
import io.maseparation.moe.Tokenizer;
import io.maseparation.moe.Wanted;
import io.maseparation.moe.WeightConversion;
import io.maseparation.moe.segments.Device;
import io.maseparation.moe.segments.Shard;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * A model that can be run: a checkpoint on disk, or a preset with random weights. After {@link #close()} it can do
 * nothing but say what its configuration was, whichever it is; everything else is an {@link IllegalStateException}.
 * Safe for use by any number of threads.
 */
public final class Model implements AutoCloseable {
    private final ModelWeights weights;
    private final Optional<Checkpoint> checkpoint;
    /** What a preset's weights belong to. */
    private final ArrayMemory memory;
    private ModelWeights readable;
    private Set<KernelTarget> readableBy = Set.of();
    /** What copies of the weights belong to: the last one is that of the readable ones. */
    private final List<ArrayMemory> copies = new ArrayList<>();
    private volatile boolean closed;
    /** Runs that are under way. */
    private int runs;
    private boolean freed;

    /** Of a preset's weights. */
    private final long seed;

    private Model(ModelWeights weights, Optional<Checkpoint> checkpoint, ArrayMemory memory, long seed) {
        this.weights = weights;
        this.seed = seed;
        readable = weights;
        this.checkpoint = checkpoint;
        this.memory = memory;
    }

    /**
     * Opens a preset with random weights of seed 0, or the Hugging Face checkpoint in a folder. A name that is both is
     * the preset; write {@code ./name} for the folder.
     *
     * @param presetOrFolder name of a preset, or path of a folder with config.json and safetensors
     * @throws ModelException if there is neither, or it cannot be used; the message is one line that says why
     * @return the model, to be closed
     */
    public static Model open(String presetOrFolder) {
        return open(presetOrFolder, 0);
    }

    /**
     * Opens a preset or a checkpoint, as {@link #open(String)}.
     *
     * @param seed of a preset's random weights; a checkpoint has its own
     * @param presetOrFolder name of a preset or path of a checkpoint
     * @return the model, to be closed
     */
    public static Model open(String presetOrFolder, long seed) {
        return open(presetOrFolder, seed, config -> Wanted.ALL);
    }

    /**
     * Opens the part of a preset or a checkpoint that one rank holds, as {@link #open(String, long)}: other matrices
     * are neither made nor read, and are not numbers. It is for that rank's process ({@link Generation#in}).
     *
     * @param presetOrFolder name of a preset or path of a checkpoint
     * @param seed of a preset's random weights
     * @param part what the rank holds of the model
     * @return the model, to be closed
     */
    public static Model openPart(String presetOrFolder, long seed, Function<ModelConfig, Shard> part) {
        Objects.requireNonNull(part, "part");
        return open(presetOrFolder, seed, config -> part.apply(config).wanted());
    }

    private static Model open(String presetOrFolder, long seed, Function<ModelConfig, Wanted> wanted) {
        Objects.requireNonNull(presetOrFolder, "presetOrFolder");
        if (Presets.has(presetOrFolder)) {
            return preset(presetOrFolder, seed, wanted);
        }
        try {
            Path folder = Path.of(presetOrFolder);
            if (Files.isRegularFile(folder)) {
                throw new ModelException("model '%s' is a file: give the folder it is in"
                        .formatted(Text.printable(presetOrFolder)));
            }
            if (!presetOrFolder.isBlank() && Files.exists(folder)) {
                return checkpoint(folder, wanted);
            }
        } catch (InvalidPathException e) {
            throw new ModelException(Presets.missing(presetOrFolder), e);
        }
        throw new ModelException(Presets.missing(presetOrFolder));
    }

    /**
     * {@return a preset with random weights}
     *
     * @param name name of the preset
     * @param seed the same for the same weights
     */
    public static Model preset(String name, long seed) {
        Objects.requireNonNull(name, "name");
        return preset(name, seed, config -> Wanted.ALL);
    }

    private static Model preset(String name, long seed, Function<ModelConfig, Wanted> wanted) {
        ModelConfig config = Presets.config(name);
        ArrayMemory memory = new ArrayMemory();
        return new Model(
                memory.make(() -> RandomWeights.create(config, seed, wanted.apply(config))), Optional.empty(), memory,
                seed);
    }

    /**
     * {@return the Hugging Face checkpoint in a folder; its large matrices are mapped, not copied}
     *
     * @param folder the checkpoint's folder
     */
    public static Model checkpoint(Path folder) {
        Objects.requireNonNull(folder, "folder");
        return checkpoint(folder, config -> Wanted.ALL);
    }

    private static Model checkpoint(Path folder, Function<ModelConfig, Wanted> wanted) {
        Checkpoint opened = Checkpoint.openPart(folder, wanted);
        return new Model(opened.weights(), Optional.of(opened), new ArrayMemory(), 0);
    }

    /** {@return a hash of what tells models apart without reading all of their weights} */
    String hash() {
        requireOpen();
        return checkpoint.map(Checkpoint::headersHash).orElse("preset, seed " + seed);
    }

    /** {@return shape and rules} */
    public ModelConfig config() {
        return weights.config();
    }

    /**
     * {@return all weights; valid until {@link #close()}} What uses them without {@link Generation} or {@link Engine}
     * has to have ended by then.
     */
    public ModelWeights weights() {
        requireOpen();
        return weights;
    }

    /**
     * The weights in a format that devices can read: those of the model, or a copy that is kept for the next time. For
     * use between {@link #enter()} and {@link #leave()}; the copy is there as long as that, or longer.
     */
    synchronized ModelWeights weightsFor(List<Device> devices) {
        requireOpen();
        Set<KernelTarget> targets = devices.stream().map(Device::target).collect(Collectors.toUnmodifiableSet());
        if (!targets.equals(readableBy)) {
            // Nobody else is at it.
            if (runs == 1) {
                freeCopies();
            }
            readable = weights;
            readableBy = Set.of();
            ArrayMemory copy = new ArrayMemory();
            readable = copy.make(() -> WeightConversion.readableBy(targets, weights));
            readableBy = targets;
            copies.add(copy);
        }
        return readable;
    }

    private void freeCopies() {
        copies.forEach(ArrayMemory::close);
        copies.clear();
    }

    /** {@return the tokenizer, where a checkpoint has one} */
    public Optional<Tokenizer> tokenizer() {
        requireOpen();
        return checkpoint.flatMap(Checkpoint::tokenizer);
    }

    /**
     * {@return how the checkpoint's generation_config.json wants tokens to be chosen; greedy without one}
     *
     * @param sample whether to sample even where that file does not say so
     * @throws ModelException naming file and field, if a value makes no sense
     */
    public Sampler sampler(boolean sample) {
        requireOpen();
        return checkpoint.map(c -> Sampler.read(c.folder(), sample))
                .orElseGet(() -> sample ? Sampler.greedy().withTemperature(1) : Sampler.greedy());
    }

    /** The tokenizer, for what cannot be done without one. */
    Tokenizer requiredTokenizer() {
        return Tokenizer.required(tokenizer(), config().name());
    }

    /** Whether {@link #close()} was not called yet. */
    boolean isOpen() {
        return !closed;
    }

    /** Complains of use after {@link #close()}. */
    void requireOpen() {
        if (closed) {
            throw new IllegalStateException("the model is closed");
        }
    }

    /** Keeps the weights until {@link #leave()}, even if the model is closed meanwhile. */
    synchronized void enter() {
        requireOpen();
        runs++;
    }

    /** Ends what {@link #enter()} began. */
    synchronized void leave() {
        runs--;
        free();
    }

    private void free() {
        if (closed && runs == 0 && !freed) {
            freed = true;
            freeCopies();
            try {
                // They may be in the making still, which takes as long as it likes: nobody wants them any more.
                weights.abandon();
            } finally {
                memory.close();
                checkpoint.ifPresent(Checkpoint::close);
            }
        }
    }

    /**
     * Closes the model. A run of {@link Generation} that is under way ends at its next token with a
     * {@link io.maseparation.parallel.run.RunFailedException}, and so do the requests of an {@link Engine}. When the
     * last run has ended and the last engine is closed the weights are freed, those of a preset as those of a
     * checkpoint, and whoever uses them then gets an {@link IllegalStateException}.
     */
    @Override
    public synchronized void close() {
        closed = true;
        free();
    }
}
