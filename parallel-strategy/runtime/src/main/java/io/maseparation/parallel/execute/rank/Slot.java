package io.maseparation.parallel.execute.rank;

import io.maseparation.moe.Sampler;
import java.util.Arrays;

/**
 * What ranks have to know of a running sequence, once for all of its steps: where its keys and values live and how its
 * tokens are chosen.
 */
public final class Slot {
    private final int number;
    private final Sampler sampler;
    private final boolean promptLogits;
    private final int firstOutput;
    private final KvTable table;
    /** Tokens so far, prompt and output, of the rank that samples; empty where no setting looks at them. */
    private int[] history;
    private int historyLength;

    /**
     * A sequence that is about to run.
     *
     * @param number of the sequence among those that share a seed
     * @param sampler how its tokens are chosen
     * @param promptLogits whether the logits of the prompt's last position are kept
     * @param firstOutput position whose logits give the first token: the prompt's last one
     * @param table where its keys and values live
     * @param tokens prompt, and tokens generated so far; looked at only where repetition is penalised
     */
    public Slot(int number, Sampler sampler, boolean promptLogits, int firstOutput, KvTable table, int[] tokens) {
        this.number = number;
        this.sampler = sampler;
        this.promptLogits = promptLogits;
        this.firstOutput = firstOutput;
        this.table = table;
        history = sampler.repetitionPenalty() == 1 ? new int[0] : tokens.clone();
        historyLength = history.length;
    }

    /** {@return number of the sequence among those that share a seed} */
    public int number() {
        return number;
    }

    /** {@return where its keys and values live} */
    public KvTable table() {
        return table;
    }

    boolean promptLogits() {
        return promptLogits;
    }

    /** Position whose logits give the first token. */
    int firstOutput() {
        return firstOutput;
    }

    Sampler sampler() {
        return sampler;
    }

    /** Whether the logits of a position are kept. */
    boolean keepsLogits(int position) {
        return promptLogits && position == firstOutput;
    }

    /** Index, among the tokens generated, of the one that the logits of a position give. */
    int index(int position) {
        return position - firstOutput;
    }

    /** Tokens so far, for the one setting that looks at them. */
    int[] before() {
        return Arrays.copyOf(history, historyLength);
    }

    /** Notes a token that was sampled. */
    void sampled(int token) {
        if (sampler.repetitionPenalty() == 1) {
            return;
        }
        if (historyLength == history.length) {
            history = Arrays.copyOf(history, 2 * historyLength + 1);
        }
        history[historyLength++] = token;
    }
}
