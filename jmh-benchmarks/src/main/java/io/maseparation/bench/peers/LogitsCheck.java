package io.maseparation.bench.peers;

import java.util.Locale;
import java.util.stream.DoubleStream;

/**
 * Whether two programs compute the same logits, where each rounds in its own way. What is compared is the root mean
 * square of their differences over that of the logits: at most positions it is {@link #TYPICAL}, and it is larger where
 * rounding had a router choose another one of two experts that are nearly tied, though never more than {@link #MOST}.
 * The most likely token is the same unless it is nearly tied, too.
 */
final class LogitsCheck {
    /** Most that half of the positions' logits may be apart. */
    static final double TYPICAL = 5e-3;
    /** Most that the logits of any position may be apart. */
    static final double MOST = 0.1;
    /** Gap of the two largest logits, over the root mean square of all, below which rounding may decide. */
    static final double NEAR_TIE = 0.3;

    private final DoubleStream.Builder differences = DoubleStream.builder();
    private int equal;

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
        double apart = 0;
        for (int i = 0; i < ours.length; i++) {
            squares += (double) ours[i] * ours[i];
            apart += ((double) ours[i] - theirs[i]) * ((double) ours[i] - theirs[i]);
        }
        double difference = Math.sqrt(apart / squares);
        if (!(difference <= MOST)) {
            throw new IllegalStateException("%s: logits are %.2g apart (root mean square), more than %.2g"
                    .formatted(where, difference, MOST));
        }
        int first = largest(ours);
        int other = largest(theirs);
        double gap = (ours[first] - ours[other]) / Math.sqrt(squares / ours.length);
        if (gap > NEAR_TIE) {
            throw new IllegalStateException(
                    "%s: the most likely token is %d, and theirs %d, whose logit is %.2g lower (nearly tied up to %.2g)"
                            .formatted(where, first, other, gap, NEAR_TIE));
        }
        differences.add(difference);
        equal += first == other ? 1 : 0;
    }

    private static int largest(float[] logits) {
        int best = 0;
        for (int i = 1; i < logits.length; i++) {
            best = logits[i] > logits[best] ? i : best;
        }
        return best;
    }

    /**
     * Ends the comparison.
     *
     * @throws IllegalStateException if half of the positions are too far apart
     * @return what was found, in words
     */
    String end() {
        double[] sorted = differences.build().sorted().toArray();
        double median = sorted[sorted.length / 2];
        if (median > TYPICAL) {
            throw new IllegalStateException(
                    "logits are %.2g apart (root mean square, median of %d positions), more than %.2g"
                            .formatted(median, sorted.length, TYPICAL));
        }
        return String.format(Locale.ROOT,
                "logits of %d positions are %.1e apart (median; at most %.1e), the most likely token is the same at %d",
                sorted.length, median, sorted[sorted.length - 1], equal);
    }
}
