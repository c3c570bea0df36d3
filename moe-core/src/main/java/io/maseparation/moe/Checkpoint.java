package io.maseparation.moe;

import io.maseparation.files.Existing;
import io.maseparation.files.ModelException;
import io.maseparation.files.Text;
import io.maseparation.kernels.ArrayMemory;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A Hugging Face checkpoint on disk: config.json, safetensors and, where present, tokenizer.json. Large matrices are
 * mapped, not copied; they are valid until {@link #close()}.
 */
public final class Checkpoint implements AutoCloseable {
    /** What is beside weights that are to be changed by others before they are used. */
    private static final String ADAPTER = "adapter_config.json";
    /** Files that need not be there, and are read when they are wanted. */
    private static final List<String> BESIDE = List.of("generation_config.json", "tokenizer.json",
            "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "chat_template.jinja");
    private static final System.Logger LOG = System.getLogger(Checkpoint.class.getName());

    private final Path folder;
    private final Safetensors tensors;
    /** Of what is not mapped: vectors, and matrices in another format than the file's. */
    private final ArrayMemory memory;
    private final ModelWeights weights;
    private final @Nullable Tokenizer tokenizer;

    private Checkpoint(
            Path folder, Safetensors tensors, ArrayMemory memory, ModelWeights weights,
            @Nullable Tokenizer tokenizer) {
        this.folder = folder;
        this.tensors = tensors;
        this.memory = memory;
        this.weights = weights;
        this.tokenizer = tokenizer;
    }

    /**
     * Opens the checkpoint in a folder and checks every tensor the model needs against config.json. What contradicts
     * the rest or is left out, although the model can be computed as transformers does, is a warning in the log.
     *
     * @param folder the checkpoint's folder
     * @throws ModelException of one line naming file and tensor or field, if the checkpoint cannot be used
     * @return the checkpoint, to be closed
     */
    public static Checkpoint open(Path folder) {
        return open(folder, Checkpoint::warn);
    }

    /**
     * Opens a part of a checkpoint, as {@link #open(Path)} does all of it.
     *
     * @param folder the checkpoint's folder
     * @param wanted which of the model's matrices are read; others are not numbers
     * @return the checkpoint, to be closed
     */
    public static Checkpoint openPart(Path folder, Function<ModelConfig, Wanted> wanted) {
        return open(folder, wanted, Checkpoint::warn);
    }

    static void warn(String line) {
        LOG.log(System.Logger.Level.WARNING, line);
    }

    /**
     * As {@link #open(Path)}.
     *
     * @param warnings takes a line about everything in the checkpoint that contradicts the rest or is left out
     */
    static Checkpoint open(Path folder, Consumer<String> warnings) {
        return open(folder, config -> Wanted.ALL, warnings);
    }

    private static Checkpoint open(
            Path folder, Function<ModelConfig, Wanted> wanted, Consumer<String> warnings) {
        if (!Files.isDirectory(folder)) {
            throw new ModelException(Text.printable(folder) + ": no such folder");
        }
        Path adapter = folder.resolve(ADAPTER);
        if (Files.exists(adapter, LinkOption.NOFOLLOW_LINKS)) {
            throw new ModelException(Text.printable(adapter)
                    + ": an adapter's weights are not supported: merge them into the model's and leave this file out");
        }
        BESIDE.forEach(name -> Existing.file(folder.resolve(name)));
        HfConfig config = HfConfig.open(folder, warnings);
        config.requirePlain();
        ModelConfig model = config.read();
        Safetensors tensors = Safetensors.open(folder);
        ArrayMemory memory = new ArrayMemory();
        try {
            if (Existing.file(folder.resolve(Safetensors.SINGLE)) && Existing.file(folder.resolve(Safetensors.INDEX))) {
                warnings.accept(Text.message("%s: is used, and not what %s beside it names, as transformers does"
                        .formatted(tensors.source(), Safetensors.INDEX)));
            }
            ModelWeights weights =
                    memory.make(
                            () -> new HfWeights(tensors, model, config.declaredType(), wanted.apply(model), warnings)
                                    .load());
            Path tokenizer = folder.resolve("tokenizer.json");
            return new Checkpoint(
                    folder, tensors, memory, weights, Existing.file(tokenizer) ? Tokenizer.lazily(tokenizer) : null);
        } catch (RuntimeException e) {
            tensors.close();
            memory.close();
            throw e;
        }
    }

    /** {@return shape and rules of the model; its weight type is that of the first layer's query projection} */
    public ModelConfig config() {
        return weights.config();
    }

    /** {@return the weights; valid until {@link #close()}} */
    public ModelWeights weights() {
        return weights;
    }

    /** {@return the tokenizer, where the folder has a tokenizer.json} It is read on first use. */
    public Optional<Tokenizer> tokenizer() {
        return Optional.ofNullable(tokenizer);
    }

    /** {@return the folder it is in} */
    public Path folder() {
        return folder;
    }

    /** {@return a hash of config.json, the index, and the names, types, shapes and places of all tensors} */
    public String headersHash() {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            digest.update(Files.readAllBytes(folder.resolve("config.json")));
            digest.update(tensors.description().getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(digest.digest());
        } catch (IOException e) {
            throw new ModelException(Text.printable(folder) + ": cannot be read: " + Text.reason(e), e);
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every JVM has it", e);
        }
    }

    /** {@return bytes of weights shared with the page cache} */
    public long mappedBytes() {
        return tensors.mappedBytes();
    }

    /** {@return bytes of weights that had to be copied because the file could not be mapped as it is} */
    public long copiedBytes() {
        return tensors.copiedBytes();
    }

    /** Unmaps and frees the weights, which must not be used any more, and closes the tokenizer. */
    @Override
    public void close() {
        tensors.close();
        memory.close();
        if (tokenizer != null) {
            tokenizer.close();
        }
    }
}
