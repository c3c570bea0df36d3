package io.maseparation.moe;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import io.maseparation.files.ModelException;
import io.maseparation.files.Text;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * A checkpoint's tokenizer.json. Its native library is unpacked and loaded when text is first encoded or decoded, and
 * never before. Safe for use by several threads.
 */
public final class Tokenizer implements AutoCloseable {
    private final Path file;
    private @Nullable HuggingFaceTokenizer tokenizer;
    private boolean closed;

    private Tokenizer(Path file) {
        this.file = file;
    }

    /**
     * {@return a tokenizer that reads its file on first use}
     *
     * @param file the file
     */
    public static Tokenizer lazily(Path file) {
        return new Tokenizer(file);
    }

    /**
     * {@return token ids of a text, with the special tokens that the tokenizer's post-processor adds, as Hugging Face
     * does}
     *
     * @param text any text
     * @throws ModelException if the file is not a tokenizer or its native library does not load
     */
    public int[] encode(String text) {
        long[] ids = run(t -> t.encode(text, true, false).getIds());
        int[] tokens = new int[ids.length];
        for (int i = 0; i < ids.length; i++) {
            tokens[i] = Math.toIntExact(ids[i]);
        }
        return tokens;
    }

    /**
     * {@return text of token ids, without special tokens}
     *
     * @param tokens token ids
     * @throws ModelException as {@link #encode(String)}
     */
    public String decode(int[] tokens) {
        long[] ids = new long[tokens.length];
        for (int i = 0; i < tokens.length; i++) {
            ids[i] = tokens[i];
        }
        return run(t -> t.decode(ids, true));
    }

    private interface Use<R> {
        R with(HuggingFaceTokenizer tokenizer);
    }

    private synchronized <R> R run(Use<R> use) {
        if (closed) {
            throw new IllegalStateException("the tokenizer is closed");
        }
        try {
            if (tokenizer == null) {
                tokenizer = HuggingFaceTokenizer.builder()
                        .optTokenizerPath(file)
                        .optAddSpecialTokens(true)
                        .optTruncation(false)
                        .optPadding(false)
                        .build();
            }
            return use.with(tokenizer);
        } catch (IOException e) {
            throw new ModelException(Text.printable(file) + ": cannot be read: " + Text.reason(e), e);
        } catch (RuntimeException | LinkageError e) {
            // The native side reports everything, a malformed file and a library that does not load, as one of these.
            throw new ModelException(
                    Text.printable(file) + ": tokenizer failed: "
                            + Text.printable(e.getMessage()),
                    e);
        }
    }

    /** Frees the native tokenizer, if there is one. */
    @Override
    public synchronized void close() {
        closed = true;
        if (tokenizer != null) {
            tokenizer.close();
            tokenizer = null;
        }
    }
}
