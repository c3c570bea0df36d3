package io.maseparation.parallel;

import io.maseparation.moe.StopStrings;
import io.maseparation.moe.TextStream;
import io.maseparation.parallel.engine.GeneratedToken;
import io.maseparation.parallel.run.TokenListener;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Stream;

/** Gives the tokens of a run their text, and both to somebody. */
final class StreamedTokens implements TokenListener {
    private final Generation.Listener to;
    private final Optional<TextStream[]> texts;
    private final int[] counts;
    private final List<Integer> limits;
    private final Set<Integer> eos;

    /**
     * Nothing so far.
     *
     * @param to takes tokens with their text
     * @param text makes what turns the tokens of a sequence into text, if the model has a tokenizer
     * @param limits most tokens of each sequence
     * @param eos tokens that end a sequence
     */
    StreamedTokens(
            Generation.Listener to, Optional<Supplier<TextStream>> text, List<Integer> limits, Set<Integer> eos) {
        this.to = to;
        texts = text.map(make -> Stream.generate(make).limit(limits.size()).toArray(TextStream[]::new));
        counts = new int[limits.size()];
        this.limits = limits;
        this.eos = eos;
    }

    /** {@return what gives tokens their text, or does nothing where nobody takes them} */
    static TokenListener of(
            Optional<Generation.Listener> listener, Model model, Optional<StopStrings> stops, List<Integer> limits,
            boolean ignoreEos) {
        Set<Integer> eos = ignoreEos ? Set.of() : Set.copyOf(model.config().vocabulary().eosTokens());
        return listener.<TokenListener>map(to -> new StreamedTokens(
                to, model.tokenizer().map(tokenizer -> () -> new TextStream(tokenizer, stops)), limits, eos))
                .orElse((sequence, token) -> {});
    }

    @Override
    public void token(int sequence, int token) {
        int index = counts[sequence]++;
        boolean last = eos.contains(token) || index + 1 == limits.get(sequence);
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
