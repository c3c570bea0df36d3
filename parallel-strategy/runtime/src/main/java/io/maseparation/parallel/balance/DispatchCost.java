package io.maseparation.parallel.balance;

/**
 * How long a rank with experts takes for the tokens it is given. Reading an expert costs the same however many tokens
 * it serves; a token costs memory traffic and arithmetic. Reading and computing overlap, so the longer of the two
 * counts:
 *
 * <pre>seconds = max(experts visited × secondsPerVisit + tokens × secondsPerTokenMoved, tokens ×
 * secondsPerTokenComputed)</pre>
 *
 * @param secondsPerVisit time to read the weights of one expert
 * @param secondsPerTokenMoved time to move the activations of one token of one expert
 * @param secondsPerTokenComputed time to compute one token of one expert
 */
public record DispatchCost(double secondsPerVisit, double secondsPerTokenMoved, double secondsPerTokenComputed) {

    /** Checks that every cost is finite and not negative. */
    public DispatchCost {
        for (double seconds : new double[] {secondsPerVisit, secondsPerTokenMoved, secondsPerTokenComputed}) {
            if (!Double.isFinite(seconds) || seconds < 0) {
                throw new IllegalArgumentException("a cost must be finite and at least 0, is " + seconds);
            }
        }
    }

    /**
     * {@return reading, then computing: costs that add up}
     *
     * @param secondsPerVisit time to read an expert
     * @param secondsPerToken time to compute a token
     */
    public static DispatchCost sum(double secondsPerVisit, double secondsPerToken) {
        return new DispatchCost(secondsPerVisit, secondsPerToken, 0);
    }

    /**
     * {@return the roofline: reading or computing, whichever takes longer}
     *
     * @param secondsPerVisit time to read an expert
     * @param secondsPerToken time to compute a token
     */
    public static DispatchCost roofline(double secondsPerVisit, double secondsPerToken) {
        return new DispatchCost(secondsPerVisit, 0, secondsPerToken);
    }

    /**
     * {@return time of a rank}
     *
     * @param visits experts of the rank that serve at least one token
     * @param tokens pairs of token and expert
     */
    public double seconds(long visits, long tokens) {
        return Math.max(
                visits * secondsPerVisit + tokens * secondsPerTokenMoved, tokens * secondsPerTokenComputed);
    }

    /**
     * {@return time that some rank takes under every placement and dispatch: all visits and tokens divided evenly}
     *
     * @param tokens tokens of each expert
     * @param ranks number of ranks
     */
    public double bound(int[] tokens, int ranks) {
        long all = 0;
        int visits = 0;
        for (int of : tokens) {
            all += of;
            visits += of > 0 ? 1 : 0;
        }
        double moved = (visits * secondsPerVisit + all * secondsPerTokenMoved) / ranks;
        double computed = all * secondsPerTokenComputed / ranks;
        return Math.max(all == 0 ? 0 : secondsPerVisit, Math.max(moved, computed));
    }
}
