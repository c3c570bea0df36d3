package io.maseparation.parallel.cli;

import io.maseparation.files.ModelException;
import io.maseparation.files.Text;
import io.maseparation.moe.Presets;
import io.maseparation.parallel.Model;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import org.apache.commons.cli.Option;

/** What goes in: {@code --prompt} and {@code --prompt-ids}, one sequence for each, in the order given. */
final class PromptFlags {
    static final String TEXT = "prompt";
    static final String IDS = "prompt-ids";

    private static final long MOST_BYTES = 64L << 20;
    private static final Pattern ID = Pattern.compile("\\d{1,9}");

    private PromptFlags() {}

    static void add(OptionList options) {
        options.value("p", TEXT, "TEXT", "prompt; again for a batch; needs a checkpoint with tokenizer.json");
        options.value(IDS, "1,2,3|@FILE", "prompt of token ids; again for a batch; @FILE has one prompt per line");
    }

    static boolean any(Arguments arguments) {
        return arguments.has(TEXT) || arguments.has(IDS);
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
        if (arguments.has(TEXT) && Presets.has(modelName)) {
            throw new UsageException("--prompt: preset %s has random weights and no tokenizer; use --prompt-ids"
                    .formatted(modelName));
        }
        for (Option option : arguments.inOrder(IDS)) {
            if (!option.getValue().startsWith("@")) {
                ids("--" + IDS, option.getValue());
            }
        }
    }

    /** The prompts as token ids. */
    static List<int[]> read(Arguments arguments, Model model) {
        List<int[]> prompts = new ArrayList<>();
        for (Option option : arguments.inOrder(TEXT, IDS)) {
            String value = option.getValue();
            if (option.getLongOpt().equals(TEXT)) {
                prompts.add(model.tokenizer()
                        .orElseThrow(() -> new ModelException(
                                "%s has no tokenizer.json: use --prompt-ids instead of --prompt"
                                        .formatted(model.config().name())))
                        .encode(value));
            } else if (value.startsWith("@")) {
                prompts.addAll(file(value.substring(1)));
            } else {
                prompts.add(ids("--" + IDS, value));
            }
        }
        return prompts;
    }

    private static List<int[]> file(String name) {
        List<String> lines;
        try {
            long bytes = Files.size(Path.of(name));
            if (bytes > MOST_BYTES) {
                throw new ModelException("--prompt-ids @%s: %s are more than the %s that a file of prompts may have"
                        .formatted(name, Text.bytes(bytes), Text.bytes(MOST_BYTES)));
            }
            lines = Files.readAllLines(Path.of(name));
        } catch (NoSuchFileException | InvalidPathException e) {
            throw new ModelException("--prompt-ids @%s: no such file".formatted(name), e);
        } catch (IOException e) {
            throw new ModelException("--prompt-ids @%s: cannot be read as text".formatted(name), e);
        }
        List<int[]> prompts = new ArrayList<>();
        for (int i = 0; i < lines.size(); i++) {
            if (!lines.get(i).isBlank()) {
                prompts.add(ids("--prompt-ids @%s, line %d".formatted(name, i + 1), lines.get(i)));
            }
        }
        if (prompts.isEmpty()) {
            throw new ModelException("--prompt-ids @%s: the file has no prompt".formatted(name));
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
