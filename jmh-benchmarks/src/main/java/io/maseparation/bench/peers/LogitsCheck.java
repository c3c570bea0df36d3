package io.maseparation.bench.peers;

import java.util.Locale;

/**
 * Whether two programs compute the same logits, where each rounds in its own way: the root mean square of their
 * differences, over that of the logits, and the most likely token, which has to be the same unless it is nearly tied.
 */
final class LogitsCheck {
    /** Most that logits may be apart, root mean square over root mean square. */
    static final double DIFFERENCE = 0.1;
    /** Gap of the two largest logits, over the root mean square of all, below which rounding may decide. */
    static final double NEAR_TIE = 0.5;

    private int positions;
    private int equal;
    private double largest;
    private double sum;

    /**
     * Compares logits of one position.
     *
     * @throws IllegalStateException if they are too far apart, or have their maximum at different tokens that are not
     *     nearly tied
     */
    void compare(String where, float[] ours, float[] theirs) {
        if (ours.length != theirs.length) {
            throw new IllegalStateException("%s: there are %d logits of ours and %d of theirs"
                    .formatted(where, ours.length, theirs.length));
        }
        double squares = 0;
        double differences = 0;
        for (int i = 0; i < ours.length; i++) {
            squares += (double) ours[i] * ours[i];
            differences += ((double) ours[i] - theirs[i]) * ((double) ours[i] - theirs[i]);
        }
        double difference = Math.sqrt(differences / squares);
        if (!(difference <= DIFFERENCE)) {
            throw new IllegalStateException("%s: logits are %.2g apart (root mean square), more than %.2g"
                    .formatted(where, difference, DIFFERENCE));
        }
        int first = largest(ours);
        int other = largest(theirs);
        double gap = (ours[first] - ours[other]) / Math.sqrt(squares / ours.length);
        if (first != other && gap > NEAR_TIE) {
            throw new IllegalStateException(
                    "%s: the most likely token is %d, and theirs is %d, which has a logit %.2g below it (nearly tied up to %.2g)"
                            .formatted(where, first, other, gap, NEAR_TIE));
        }
        positions++;
        equal += first == other ? 1 : 0;
        largest = Math.max(largest, difference);
        sum += difference;
    }

    /** Index of the largest. */
    static int largest(float[] logits) {
        int best = 0;
        for (int i = 1; i < logits.length; i++) {
            best = logits[i] > logits[best] ? i : best;
        }
        return best;
    }

    @Override
    public String toString() {
        return String.format(Locale.ROOT,
                "logits of %d positions are %.1e apart (at most %.1e), the most likely token is the same at %d",
                positions, sum / positions, largest, equal);
    }
}
