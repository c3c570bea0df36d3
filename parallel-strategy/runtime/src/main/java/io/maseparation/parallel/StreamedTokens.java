package io.maseparation.parallel;

import io.maseparation.moe.TextStream;
import io.maseparation.parallel.engine.GeneratedToken;
import io.maseparation.parallel.run.TokenListener;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Stream;

/** Gives the tokens of a run their text, and both to somebody. */
final class StreamedTokens implements TokenListener {
    private final Generation.Listener to;
    private final Optional<TextStream[]> texts;
    private final int[] counts;
    private final int maxTokens;
    private final Set<Integer> eos;

    /**
     * Nothing so far.
     *
     * @param to takes tokens with their text
     * @param text makes what turns the tokens of a sequence into text, if the model has a tokenizer
     * @param sequences number of sequences
     * @param maxTokens most tokens of each
     * @param eos tokens that end a sequence
     */
    StreamedTokens(
            Generation.Listener to, Optional<Supplier<TextStream>> text, int sequences, int maxTokens,
            Set<Integer> eos) {
        this.to = to;
        texts = text.map(make -> Stream.generate(make).limit(sequences).toArray(TextStream[]::new));
        counts = new int[sequences];
        this.maxTokens = maxTokens;
        this.eos = eos;
    }

    @Override
    public void token(int sequence, int token) {
        int index = counts[sequence]++;
        boolean last = eos.contains(token) || index + 1 == maxTokens;
        String text = texts
                .map(streams -> streams[sequence].add(token) + (last ? streams[sequence].end() : ""))
                .orElse("");
        to.token(sequence, new GeneratedToken(index, token, text));
    }

    @Override
    public void ended(int sequence) {
        to.ended(sequence, texts.map(streams -> streams[sequence].end()).orElse(""));
    }
}
