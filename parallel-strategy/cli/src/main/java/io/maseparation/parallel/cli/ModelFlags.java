package io.maseparation.parallel.cli;

import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.Presets;
import io.maseparation.parallel.Model;
import java.util.Locale;
import java.util.Optional;
import org.apache.commons.cli.Option;
import org.apache.commons.cli.Options;

/** Which model: {@code --model} and {@code --model-seed}. */
final class ModelFlags {
    private static final String MODEL = "model";
    private static final String SEED = "model-seed";

    private ModelFlags() {}

    static void add(Options options, String absent) {
        options.addOption(Option.builder("m").longOpt(MODEL).hasArg().argName("DIR|PRESET")
                .desc("checkpoint folder (config.json, safetensors) or preset: " + String.join(", ", Presets.names())
                        + (absent == null ? "" : " [" + absent + "]"))
                .get());
        options.addOption(Option.builder().longOpt(SEED).hasArg().argName("N")
                .desc("seed of a preset's random weights [0]").get());
    }

    /** Name or folder of the model. */
    static String name(Arguments arguments, String absent) {
        return arguments.text(MODEL).or(() -> Optional.ofNullable(absent)).orElseThrow(
                () -> new UsageException("no model: give --model a checkpoint folder or a preset (%s)"
                        .formatted(String.join(", ", Presets.names()))));
    }

    /** Opens it. */
    static Model open(Arguments arguments, String absent, Terminal terminal) {
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
                config.weightType().name().toLowerCase(Locale.ROOT));
    }
}
