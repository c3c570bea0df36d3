package io.maseparation.moe;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import io.maseparation.files.ModelException;
import io.maseparation.files.Text;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A checkpoint's tokenizer.json. Its native library is unpacked and loaded when text is first encoded or decoded, and
 * never before. Safe for use by several threads.
 */
public final class Tokenizer implements AutoCloseable {
    private final Path file;
    private final TokenizerConfig config;
    private final Consumer<String> warnings;
    /** Guards what follows: written when the file is read and when it is closed. */
    private final ReadWriteLock lock = new ReentrantReadWriteLock();

    private @Nullable TokenizerFile checks;
    private @Nullable HuggingFaceTokenizer tokenizer;
    private boolean closed;
    /** Whether it was said that tokenizer_config.json puts other tokens around a text. */
    private final AtomicBoolean otherAround = new AtomicBoolean();

    private Tokenizer(Path file, TokenizerConfig config, Consumer<String> warnings) {
        this.warnings = warnings;
        this.file = file;
        this.config = config;
    }

    /**
     * {@return a tokenizer that reads its file on first use, and what tokenizer_config.json beside it says at once}
     *
     * @param file the file
     * @throws ModelException if tokenizer_config.json makes no sense
     */
    public static Tokenizer lazily(Path file) {
        return lazily(file, Checkpoint::warn);
    }

    /**
     * As {@link #lazily(Path)}.
     *
     * @param warnings takes a line about what contradicts the rest
     */
    static Tokenizer lazily(Path file, Consumer<String> warnings) {
        return new Tokenizer(file, TokenizerConfig.read(file.resolveSibling("")), warnings);
    }

    /**
     * Reads the file now, so that what is wrong with it is known before work whose results it is to make text of.
     *
     * @throws ModelException if the file is not a tokenizer, or its native library does not load
     */
    public void load() {
        run((t, checks) -> checks);
    }

    /**
     * {@return the chat template, where the checkpoint has one}
     *
     * @throws ModelException if it has several and none is the default
     */
    public Optional<ChatTemplate> chatTemplate() {
        return config.template(warnings);
    }

    /**
     * {@return the tokenizer of a model}
     *
     * @param tokenizer what the model has
     * @param model name of the model
     * @throws ModelException if it has none
     */
    public static Tokenizer required(Optional<Tokenizer> tokenizer, String model) {
        return tokenizer.orElseThrow(
                () -> new ModelException("%s has no tokenizer.json: give token ids instead of text".formatted(model)));
    }

    /**
     * {@return token ids of a conversation, in the words of the chat template and ready for an answer}
     *
     * @param messages the turns so far
     * @param model name of the model
     * @throws ModelException if there is no chat template, or it refuses the conversation
     */
    public int[] encodeChat(List<ChatTemplate.Message> messages, String model) {
        ChatTemplate template = chatTemplate().orElseThrow(() -> new ModelException(
                "%s has no chat template, neither in tokenizer_config.json nor as chat_template.jinja"
                        .formatted(model)));
        return encodePlain(template.render(messages, true, Map.of()));
    }

    /**
     * {@return token ids of a text, with the special tokens around it that the tokenizer's post-processor adds, or that
     * {@code add_bos_token} and {@code add_eos_token} of tokenizer_config.json ask for} A line says so where these two
     * differ.
     *
     * @param text any text
     * @throws ModelException if the file is not a tokenizer or its native library does not load, or
     *     tokenizer_config.json wants a token to be added that is none
     */
    public int[] encode(String text) {
        int[] full = ids(text, true, true);
        TokenizerConfig.Flags flags = config.flags();
        if (flags.addBos().isEmpty() && flags.addEos().isEmpty()) {
            return full;
        }
        int[] plain = encodePlain(text);
        int from = plain.length == 0 ? start(ids("a", true, true), encodePlain("a")) : start(full, plain);
        int[] before = Arrays.copyOf(full, from);
        int[] behind = Arrays.copyOfRange(full, from + plain.length, full.length);
        int[] first = around("bos_token", flags.addBos(), before, true);
        int[] last = around("eos_token", flags.addEos(), behind, false);
        boolean same = Arrays.equals(first, before) && Arrays.equals(last, behind);
        if (!same && !otherAround.getAndSet(true)) {
            warnings.accept(Text.message(
                    "%s: add_bos_token and add_eos_token put %s before a text and %s behind it, where %s, which transformers 5 follows, has %s and %s"
                            .formatted(configFile(), Arrays.toString(first), Arrays.toString(last), file.getFileName(),
                                    Arrays.toString(before), Arrays.toString(behind))));
        }
        return Stream.of(first, plain, last).flatMapToInt(Arrays::stream).toArray();
    }

    /**
     * {@return token ids of a text that says its special tokens itself, as one that a chat template made}
     *
     * @param text any text
     * @throws ModelException as {@link #encode(String)}
     */
    public int[] encodePlain(String text) {
        return ids(text, false, true);
    }

    /** Where the tokens of a text without special ones begin among those with them. */
    private static int start(int[] full, int[] plain) {
        int from = 0;
        while (from + plain.length < full.length
                && !Arrays.equals(full, from, from + plain.length, plain, 0, plain.length)) {
            from++;
        }
        return from;
    }

    /** The tokens before or behind a text, with the one that a flag asks for and without the one it forbids. */
    private int[] around(String name, Optional<Boolean> asked, int[] tokens, boolean first) {
        if (asked.isEmpty() || (!asked.get() && !config.tokens().containsKey(name))) {
            return tokens;
        }
        String token = config.tokens().getOrDefault(name, "");
        int[] id = ids(token, false, false);
        if (id.length != 1) {
            throw new ModelException("%s: add_%s is true, and %s '%s' is %s".formatted(
                    configFile(), name, name, Text.printable(token),
                    token.isEmpty() ? "missing" : "not one token of tokenizer.json"));
        }
        IntStream rest = Arrays.stream(tokens).filter(t -> t != id[0]);
        return !asked.get()
                ? rest.toArray()
                : (first ? IntStream.concat(IntStream.of(id), rest) : IntStream.concat(rest, IntStream.of(id)))
                        .toArray();
    }

    private int[] ids(String text, boolean special, boolean foreign) {
        long[] ids = run((t, checks) -> {
            checks.check(text);
            if (foreign) {
                checkSplit(text, checks);
            }
            return t.encode(text, special, false).getIds();
        });
        return Arrays.stream(ids).mapToInt(id -> {
            if (id > Integer.MAX_VALUE) {
                throw new ModelException(Text.printable(file) + ": token id " + id + " is above 2147483647");
            }
            return (int) id;
        }).toArray();
    }

    /** Taking special tokens apart is something that the native library cannot be told. */
    private void checkSplit(String text, TokenizerFile checks) {
        if (config.flags().splits()) {
            checks.special().stream().filter(text::contains).findFirst().ifPresent(token -> {
                throw new ModelException("%s: split_special_tokens is true, which is not supported for a text with %s"
                        .formatted(configFile(), Text.printable(token)));
            });
        }
    }

    private String configFile() {
        return Text.printable(file.resolveSibling("tokenizer_config.json"));
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
        return run((t, checks) -> t.decode(ids, true));
    }

    /** The first special token that a text has. */
    Optional<String> specialIn(String text) {
        return run((t, checks) -> checks.special().stream().filter(text::contains).findFirst());
    }

    /** Whether a token stands for one byte of a text. */
    boolean isByte(int token) {
        return run((t, checks) -> checks.isByte(token));
    }

    private interface Use<R> {
        R with(HuggingFaceTokenizer tokenizer, TokenizerFile checks);
    }

    /** Any number of threads use it at once: a long text of one does not keep others from decoding a token. */
    private <R> R run(Use<R> use) {
        while (true) {
            lock.readLock().lock();
            try {
                if (closed) {
                    throw new IllegalStateException("the tokenizer is closed");
                }
                HuggingFaceTokenizer t = tokenizer;
                TokenizerFile read = checks;
                if (t != null && read != null) {
                    return complaining(() -> use.with(t, read));
                }
            } finally {
                lock.readLock().unlock();
            }
            lock.writeLock().lock();
            try {
                if (!closed && tokenizer == null) {
                    complaining(this::read);
                }
            } finally {
                lock.writeLock().unlock();
            }
        }
    }

    private Object read() throws IOException {
        TokenizerFile read = TokenizerFile.read(file);
        checkTokens(read);
        HuggingFaceTokenizer made = loaded(read.takeBytes());
        tokenizer = made;
        checks = read;
        checkIds(made, read);
        checkAdded(read);
        checkSettings(read);
        return made;
    }

    private interface Work<R> {
        R done() throws IOException;
    }

    private <R> R complaining(Work<R> work) {
        try {
            return work.done();
        } catch (IOException e) {
            throw new ModelException(Text.printable(file) + ": cannot be read: " + Text.reason(e), e);
        } catch (ModelException e) {
            throw e;
        } catch (RuntimeException | LinkageError e) {
            // The native side reports everything, a malformed file and a library that does not load, as one of these.
            throw new ModelException(
                    Text.printable(file) + ": tokenizer failed: "
                            + Text.printable(e.getMessage()),
                    e);
        }
    }

    private static HuggingFaceTokenizer loaded(byte[] json) throws IOException {
        return HuggingFaceTokenizer.newInstance(
                new ByteArrayInputStream(json),
                Map.of("addSpecialTokens", "true", "truncation", "false", "padding", "false"));
    }

    private static void checkTokens(TokenizerFile file) throws IOException {
        if (!file.normalised().isEmpty()) {
            try (HuggingFaceTokenizer normaliser = loaded(file.normaliserAlone())) {
                for (String token : file.normalised()) {
                    if (normaliser.encode(token, false, false).getIds().length == 0) {
                        throw file.vanishes(token);
                    }
                }
            }
        }
    }

    /** Ids that follow no others in the file are others in the library, in transformers, too. */
    private void checkIds(HuggingFaceTokenizer loaded, TokenizerFile read) {
        List<String> wrong = new ArrayList<>();
        read.added().forEach((text, id) -> {
            read.check(text);
            long[] ids = loaded.encode(text, false, false).getIds();
            if (ids.length == 1 && ids[0] != id) {
                wrong.add("added token %s has id %d, as Hugging Face's library counts, and not %d as the file says"
                        .formatted(Text.printable(text), ids[0], id));
            }
        });
        if (!wrong.isEmpty()) {
            warnings.accept(Text.message("%s: %s%s".formatted(Text.printable(file), wrong.getFirst(),
                    wrong.size() == 1 ? "" : "; and so on, %d in all".formatted(wrong.size()))));
        }
    }

    /** Tokens that transformers adds to those of tokenizer.json, and nothing here does, or that have other ids. */
    private void checkAdded(TokenizerFile read) {
        List<String> missing = new ArrayList<>();
        List<String> others = new ArrayList<>();
        for (TokenizerConfig.Added token : config.added()) {
            Long own = read.added().get(token.text());
            if (own != null && token.id() >= 0 && own != token.id()) {
                others.add("%s has id %d, and not %d as %s says"
                        .formatted(Text.printable(token.text()), own, token.id(), token.file().getFileName()));
            } else if (own == null && !token.text().isEmpty()) {
                missing.add("%s has %s as a token".formatted(token.source(), Text.printable(token.text())));
            }
        }
        if (!missing.isEmpty()) {
            warnings.accept(Text.message("%s, which %s does not have so and which transformers adds to it"
                    .formatted(firstOf(missing), file.getFileName())));
        }
        if (!others.isEmpty()) {
            warnings.accept(Text.message("%s: %s; as in transformers"
                    .formatted(Text.printable(file), firstOf(others))));
        }
    }

    /** What tokenizer_config.json says of tokens and texts that transformers follows, and nothing here does. */
    private void checkSettings(TokenizerFile read) {
        List<String> others = new ArrayList<>();
        for (TokenizerConfig.Added token : config.added()) {
            Set<String> own = read.settings().get(token.text());
            if (own != null) {
                others.addAll(unlike(token, own));
            }
        }
        if (!others.isEmpty()) {
            warnings.accept(Text.message(
                    "%s: added_tokens_decoder: %s, where %s has it otherwise, which counts here and not in transformers"
                            .formatted(configFile(), firstOf(others), file.getFileName())));
        }
        config.flags().prefixes().filter(prefixes -> prefixes != read.prefixes()).ifPresent(prefixes -> warnings.accept(
                Text.message("%s: add_prefix_space is %s, where %s has it otherwise, which counts here".formatted(
                        configFile(), prefixes, file.getFileName()))));
        config.unread().forEach((of, fields) -> warnings.accept(Text.message(
                "%s: has %s, which nothing here reads; left out".formatted(Text.printable(of),
                        HfUnread.named(fields)))));
        if (config.cleans(read.model())) {
            warnings.accept(Text.message(
                    "%s: clean_up_tokenization_spaces is true: transformers takes spaces before punctuation out of texts, and nothing here does"
                            .formatted(configFile())));
        }
    }

    /** Settings of a token that the file has otherwise. What is special once stays so in transformers, too. */
    private static List<String> unlike(TokenizerConfig.Added token, Set<String> own) {
        return TokenizerFile.SETTINGS.stream()
                .filter(name -> token.settings().getOrDefault(name, own.contains(name)) != own.contains(name))
                .filter(name -> !name.equals("special") || !own.contains(name))
                .map(name -> "%s of %s is %s".formatted(name, Text.printable(token.text()), !own.contains(name)))
                .toList();
    }

    private static String firstOf(List<String> lines) {
        return lines.getFirst() + (lines.size() == 1 ? "" : " and %d more".formatted(lines.size() - 1));
    }

    /** Frees the native tokenizer, if there is one. */
    @Override
    public void close() {
        lock.writeLock().lock();
        try {
            closed = true;
            if (tokenizer != null) {
                tokenizer.close();
                tokenizer = null;
            }
        } finally {
            lock.writeLock().unlock();
        }
    }
}
