package io.maseparation.parallel;

import io.maseparation.moe.StopStrings;
import io.maseparation.moe.TextStream;
import io.maseparation.moe.Tokenizer;
import io.maseparation.parallel.run.Workload;
import java.util.List;
import java.util.Optional;

/** Ends a sequence where its text has one of some strings. */
record StopEnding(Tokenizer tokenizer, StopStrings strings) implements Workload.Ending {
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
