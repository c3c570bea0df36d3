package io.maseparation.parallel.cli;

import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.Presets;
import io.maseparation.moe.segments.Shard;
import io.maseparation.parallel.Model;
import io.maseparation.parallel.cli.results.SimulationReport;
import java.io.File;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Stream;

/** Which model: {@code --model} and {@code --model-seed}. */
final class ModelFlags {
    private static final String MODEL = "model";
    private static final String SEED = "model-seed";

    private ModelFlags() {}

    /** @param absent the model where none is named */
    static void add(OptionList options, Optional<String> absent) {
        options.value("m", MODEL, "DIR|PRESET",
                "checkpoint folder (config.json, safetensors) or preset: " + String.join(", ", Presets.names())
                        + absent.map(name -> " [" + name + "]").orElse(""));
        options.value(SEED, "N", "seed of a preset's random weights [0]");
    }

    /** The model whose shape matters, and not its weights. */
    static void addShape(OptionList options, String absent) {
        options.value("m", MODEL, "DIR|PRESET",
                "folder with a config.json, or preset: " + String.join(", ", Presets.names()) + " [" + absent + "]");
    }

    /**
     * Refuses a model that is named where none matters.
     *
     * @throws UsageException if one is
     */
    static void refuse(Arguments arguments, String because) {
        if (arguments.has(MODEL)) {
            throw new UsageException("--%s %s".formatted(MODEL, because));
        }
    }

    /** Name or folder of the model. */
    static String name(Arguments arguments, Optional<String> absent) {
        return arguments.text(MODEL).or(() -> absent).orElseThrow(
                () -> new UsageException("no model: give --model a checkpoint folder or a preset (%s)"
                        .formatted(String.join(", ", Presets.names()))));
    }

    /**
     * Refuses a model that is not there.
     *
     * @throws UsageException with the preset or folder that may have been meant
     */
    static void check(Arguments arguments) {
        String name = arguments.text(MODEL).orElse(Presets.names().getFirst());
        File file = new File(name);
        if (Presets.has(name) || file.isDirectory()) {
            return;
        }
        if (file.isFile()) {
            throw new UsageException("model '%s' is a file: give the folder it is in".formatted(name));
        }
        // Folders beside it, written as it is written.
        File parent = file.getAbsoluteFile().getParentFile();
        File[] beside = parent == null ? null : parent.listFiles(File::isDirectory);
        String path = file.getPath();
        String prefix = path.substring(0, path.length() - file.getName().length());
        List<String> names = Stream.concat(
                Presets.names().stream(),
                beside == null ? Stream.of() : Stream.of(beside).map(f -> prefix + f.getName()))
                .toList();
        throw new UsageException("model '%s' is neither a folder nor a preset; %spresets are %s".formatted(
                name,
                Suggestions.closest(name, names).map("did you mean %s? "::formatted).orElse(""),
                String.join(", ", Presets.names())));
    }

    /** Opens it. */
    static Model open(Arguments arguments, Optional<String> absent, Terminal terminal) {
        return open(arguments, absent, terminal, Optional.empty());
    }

    /** Opens the part of it that one rank holds, or all of it. */
    static Model open(
            Arguments arguments, Optional<String> absent, Terminal terminal,
            Optional<Function<ModelConfig, Shard>> part) {
        check(arguments);
        String name = name(arguments, absent);
        long seed = arguments.seed(SEED);
        if (arguments.has(SEED) && !Presets.has(name)) {
            throw new UsageException(
                    "--model-seed is for presets, which have random weights; a checkpoint has its own");
        }
        try (Progress progress = terminal.progress("opening", -1)) {
            progress.doing(name);
            return part.isPresent() ? Model.openPart(name, seed, part.get()) : Model.open(name, seed);
        }
    }

    /** The model in a few words. */
    static String description(ModelConfig config) {
        return "%s (%s, %d layers, hidden %d, %s)".formatted(
                config.name(),
                config.family(),
                config.layers().size(),
                config.hidden(),
                SimulationReport.weightFormats(config));
    }
}
