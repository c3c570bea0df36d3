package io.maseparation.parallel.cli;

import io.maseparation.files.ModelException;
import io.maseparation.files.Text;
import io.maseparation.files.Utf8Stream;
import io.maseparation.moe.ChatTemplate;
import io.maseparation.moe.Presets;
import io.maseparation.parallel.Generation;
import io.maseparation.parallel.Model;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import org.apache.commons.cli.Option;

/**
 * What goes in: {@code --prompt}, {@code --prompt-file} and {@code --prompt-ids}, one sequence for each, in the order
 * given; and what text is put into and ends with.
 */
final class PromptFlags {
    static final String TEXT = "prompt";
    static final String FILE = "prompt-file";
    static final String IDS = "prompt-ids";
    static final String STOP = "stop";
    private static final String CHAT = "chat";
    static final String SYSTEM = "system";
    private static final String STANDARD_INPUT = "-";

    /** What some editors put before a text; it is no part of it. */
    private static final String BYTE_ORDER_MARK = "\uFEFF";

    /** What the JVM puts where it could not read what was typed. */
    private static final String REPLACEMENT = "\uFFFD";

    private static final long MOST_BYTES = 64L << 20;
    private static final Pattern ID = Pattern.compile("\\d{1,9}");

    private PromptFlags() {}

    static void add(OptionList options) {
        options.value("p", TEXT, "TEXT", "prompt; again for a batch; needs a checkpoint with tokenizer.json");
        options.value(IDS, "1,2,3|@FILE", "prompt of token ids; again for a batch; @FILE has one prompt per line");
    }

    /** Adds what a command that prints text knows besides. */
    static void addText(OptionList options) {
        options.value(FILE, "FILE", "file of one prompt, or - for standard input; its last line break does not count;"
                + " again for a batch");
        options.flag(CHAT, "each text is what a user says: put it into the words of the checkpoint's chat template");
        options.value(SYSTEM, "TEXT", "with --chat: what the conversation begins with");
        options.value(STOP, "TEXT", "end a sequence where this text appears, and print it up to there; again for more");
    }

    static boolean any(Arguments arguments) {
        return arguments.has(TEXT) || arguments.has(IDS) || arguments.has(FILE);
    }

    static List<String> stops(Arguments arguments) {
        return arguments.inOrder(STOP).stream().map(Option::getValue).toList();
    }

    /**
     * Checks what can be checked without the model.
     *
     * @throws UsageException if there is no prompt, or text for a preset, or something that is not a token id
     */
    static void check(Arguments arguments, String modelName) {
        if (!any(arguments)) {
            throw new UsageException("no prompt: give --prompt or --prompt-ids at least once");
        }
        for (String flag : List.of(TEXT, FILE, CHAT, STOP)) {
            if (arguments.has(flag) && Presets.has(modelName)) {
                throw new UsageException("--%s: preset %s has random weights and no tokenizer; use --prompt-ids"
                        .formatted(flag, modelName));
            }
        }
        if (stops(arguments).contains("")) {
            throw new UsageException("--stop needs a value");
        }
        if (arguments.has(SYSTEM) && !arguments.has(CHAT)) {
            throw new UsageException("--system needs --chat");
        }
        if (arguments.has(CHAT) && arguments.has(IDS)) {
            throw new UsageException("--chat: token ids cannot be put into a chat template; use --prompt");
        }
        arguments.inOrder(TEXT, SYSTEM, STOP).stream().filter(o -> o.getValue().contains(REPLACEMENT)).findFirst()
                .ifPresent(option -> {
                    throw new UsageException(("--%s: is not text in UTF-8, or the locale is not (LC_ALL=C.UTF-8 is such"
                            + " a locale)").formatted(option.getLongOpt()));
                });
        if (arguments.inOrder(FILE).stream().filter(o -> o.getValue().equals(STANDARD_INPUT)).count() > 1) {
            throw new UsageException("--prompt-file -: standard input can be read once");
        }
        for (Option option : arguments.inOrder(IDS)) {
            if (option.getValue().equals("@")) {
                throw new UsageException("--%s @: name a file behind the @".formatted(IDS));
            }
            if (!option.getValue().startsWith("@")) {
                ids("--" + IDS, option.getValue());
            }
        }
    }

    /** The prompts as token ids. */
    static List<int[]> read(Arguments arguments, Model model) {
        Generation generation = Generation.of(model);
        addTo(generation, arguments);
        return generation.prompts();
    }

    /** Adds the prompts, in their order. */
    static void addTo(Generation generation, Arguments arguments) {
        for (Option option : arguments.inOrder(TEXT, FILE, IDS)) {
            String value = option.getValue();
            if (!option.getLongOpt().equals(IDS)) {
                String text = option.getLongOpt().equals(FILE) ? fileText(value) : value;
                if (arguments.has(CHAT)) {
                    List<ChatTemplate.Message> turns = new ArrayList<>();
                    arguments.text(SYSTEM).ifPresent(t -> turns.add(new ChatTemplate.Message("system", t)));
                    turns.add(new ChatTemplate.Message("user", text));
                    generation.chat(turns);
                } else {
                    generation.prompt(text);
                }
            } else if (value.startsWith("@")) {
                generation.prompts(file(value.substring(1)));
            } else {
                generation.prompt(ids("--" + IDS, value));
            }
        }
    }

    private static String fileText(String name) {
        String flag = "--%s %s".formatted(FILE, name);
        // Standard input stays open: it is not this command's.
        String text = name.equals(STANDARD_INPUT) ? text(flag, System.in) : text(flag, name);
        return text.replaceFirst("\\R\\z", "");
    }

    private static String text(String flag, String file) {
        try (InputStream in = opened(flag, file)) {
            return text(flag, in);
        } catch (IOException e) {
            throw new ModelException(flag + ": cannot be read: " + Text.reason(e), e);
        }
    }

    /** A file that is there. */
    private static InputStream opened(String flag, String name) {
        try {
            Path file = Path.of(name);
            if (Files.isRegularFile(file)) {
                checkLength(flag, Files.size(file));
            }
            return Files.newInputStream(file);
        } catch (NoSuchFileException | InvalidPathException e) {
            throw new ModelException(flag + ": no such file", e);
        } catch (IOException e) {
            throw new ModelException(flag + ": cannot be read: " + Text.reason(e), e);
        }
    }

    private static void checkLength(String flag, long bytes) {
        if (bytes > MOST_BYTES) {
            throw new ModelException("%s: %s are more than the %s that a file of prompts may have"
                    .formatted(flag, Text.bytes(bytes), Text.bytes(MOST_BYTES)));
        }
    }

    /** All of a text, whose length a pipe or a device does not say before. */
    private static String text(String flag, InputStream from) {
        try {
            byte[] bytes = new Utf8Stream(from).readNBytes((int) MOST_BYTES + 1);
            if (bytes.length > MOST_BYTES) {
                throw new ModelException("%s: is longer than the %s that a file of prompts may have"
                        .formatted(flag, Text.bytes(MOST_BYTES)));
            }
            String text = new String(bytes, StandardCharsets.UTF_8);
            return text.startsWith(BYTE_ORDER_MARK) ? text.substring(BYTE_ORDER_MARK.length()) : text;
        } catch (CharacterCodingException e) {
            throw new ModelException(flag + ": " + Text.reason(e), e);
        } catch (IOException e) {
            throw new ModelException(flag + ": cannot be read: " + Text.reason(e), e);
        }
    }

    private static List<int[]> file(String name) {
        String flag = "--%s @%s".formatted(IDS, name);
        List<String> lines = text(flag, name).lines().toList();
        List<int[]> prompts = new ArrayList<>();
        for (int i = 0; i < lines.size(); i++) {
            if (!lines.get(i).isBlank()) {
                try {
                    prompts.add(ids("%s, line %d".formatted(flag, i + 1), lines.get(i)));
                } catch (UsageException e) {
                    // The command line made sense, and what is quoted is no option of it.
                    throw new ModelException(String.valueOf(e.getMessage()).replace('\'', '"'), e);
                }
            }
        }
        if (prompts.isEmpty()) {
            throw new ModelException(flag + ": the file has no prompt");
        }
        return prompts;
    }

    static int[] ids(String where, String text) {
        String stripped = text.strip();
        if (stripped.isEmpty()) {
            throw new UsageException(where + ": the prompt is empty");
        }
        return Arrays.stream(stripped.split("\\s*,\\s*|\\s+", -1))
                .mapToInt(id -> {
                    if (!ID.matcher(id).matches()) {
                        throw new UsageException(
                                "%s: '%s' is not a token id".formatted(Text.printable(where), Text.printable(id)));
                    }
                    return Integer.parseInt(id);
                })
                .toArray();
    }
}
