package io.maseparation.parallel;

import io.maseparation.moe.StopStrings;
import io.maseparation.moe.TextStream;
import io.maseparation.moe.Tokenizer;
import io.maseparation.parallel.run.Workload;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/** Ends a sequence where its text has one of some strings. */
record StopEnding(Tokenizer tokenizer, StopStrings strings) implements Workload.Ending {
    /**
     * {@return what ends sequences at stop strings}
     *
     * @param stops the strings; empty for none
     * @param tokenizer the model's tokenizer, asked for where there are strings
     */
    static Workload.Ending of(Optional<StopStrings> stops, Supplier<Tokenizer> tokenizer) {
        return stops.<Workload.Ending>map(strings -> new StopEnding(tokenizer.get(), strings))
                .orElse(Workload.Ending.NEVER);
    }

    @Override
    public int tokens(List<Integer> tokens) {
        return strings.tokens(tokens);
    }

    @Override
    public Workload.Tracker start() {
        TextStream text = new TextStream(tokenizer, Optional.of(strings));
        return token -> {
            text.add(token);
            return text.stopped();
        };
    }
}
