package io.maseparation.parallel.studies.paper;

import io.maseparation.moe.Format;
import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.simulate.Scenario;
import java.util.Optional;

/**
 * Number formats of everything that is simulated.
 *
 * @param weights format of the large matrices; empty for that of each model
 * @param cache format of the KV cache
 */
public record Formats(Optional<Format> weights, Format cache) {
    /** What the paper has: 16 bits. */
    public static final Formats USUAL = new Formats(Optional.empty(), Format.F16);

    ModelConfig of(ModelConfig config) {
        return weights.map(config::withWeightFormat).orElse(config);
    }

    Scenario of(Scenario scenario) {
        return scenario.with(scenario.conditions().withKvFormat(cache));
    }

    /** In words, after a semicolon; empty for the usual ones. */
    String text() {
        return equals(USUAL)
                ? ""
                : "; weights %s, KV cache %s".formatted(weights.map(Format::id).orElse("as the model's"), cache.id());
    }
}
