package io.maseparation.parallel.cli;

import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.Presets;
import io.maseparation.parallel.Model;
import io.maseparation.parallel.cli.results.SimulationReport;
import java.util.Optional;

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

    /** Name or folder of the model. */
    static String name(Arguments arguments, Optional<String> absent) {
        return arguments.text(MODEL).or(() -> absent).orElseThrow(
                () -> new UsageException("no model: give --model a checkpoint folder or a preset (%s)"
                        .formatted(String.join(", ", Presets.names()))));
    }

    /** Opens it. */
    static Model open(Arguments arguments, Optional<String> absent, Terminal terminal) {
        String name = name(arguments, absent);
        long seed = arguments.seed(SEED);
        if (arguments.has(SEED) && !Presets.has(name)) {
            throw new UsageException(
                    "--model-seed is for presets, which have random weights; a checkpoint has its own");
        }
        try (Progress progress = terminal.progress("opening", -1)) {
            progress.doing(name);
            return Model.open(name, seed);
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
