package io.maseparation.parallel.cli;

import io.maseparation.parallel.Generation;
import io.maseparation.parallel.engine.GeneratedToken;
import java.io.PrintStream;
import java.util.List;

/**
 * Prints the sequences of a run for people, one after the other: the first as it comes, each further one from where it
 * is when those before it have ended. Ids, where there is no text.
 */
final class AnswerPrinter implements Generation.Listener {
    private final PrintStream out;
    private final boolean hasText;
    private final StringBuilder[] texts;
    private final boolean[] ended;
    private final int[] counts;
    private int current;
    private int printed;

    AnswerPrinter(PrintStream out, List<int[]> prompts, boolean hasText) {
        this.out = out;
        this.hasText = hasText;
        texts = new StringBuilder[prompts.size()];
        for (int i = 0; i < texts.length; i++) {
            texts[i] = new StringBuilder("sequence %d, %d prompt tokens:\n".formatted(i, prompts.get(i).length));
        }
        ended = new boolean[texts.length];
        counts = new int[texts.length];
    }

    @Override
    public void token(int sequence, GeneratedToken token) {
        counts[sequence]++;
        if (hasText) {
            texts[sequence].append(token.text());
        } else {
            texts[sequence].append(token.index() == 0 ? "" : " ").append(token.id());
        }
        print();
    }

    @Override
    public void ended(int sequence, String rest) {
        texts[sequence].append("%s\n(%d generated)\n".formatted(rest, counts[sequence]));
        ended[sequence] = true;
        print();
    }

    private void print() {
        while (current < texts.length) {
            out.print(texts[current].substring(printed));
            printed = texts[current].length();
            if (!ended[current]) {
                break;
            }
            current++;
            printed = 0;
        }
        // A pipe is to have it at once, too.
        out.flush();
    }
}
