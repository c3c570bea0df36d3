package io.maseparation.parallel.balance;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Divides the tokens of a step among the replicas of their experts, so that the slowest rank finishes as early as a
 * search can achieve under the true cost of a rank ({@link DispatchCost}). An expert is divided only where that makes
 * the slowest rank faster: where reading weights is what takes time, a division makes two ranks read the same.
 *
 * <p>First every expert goes whole to one of its ranks, the largest first, each where it ends earliest. Then the
 * slowest rank hands tokens on: an expert whole, part of one, or along a path of ranks of which each hands on as many,
 * as long as that makes it faster and no other rank as slow as it was. Last, divisions that can be undone without a
 * loss are undone.
 *
 * <p>Thread-safe: a decision leaves no state behind.
 */
public final class ReplicaDispatch {
    /** Fraction of a time below which a difference does not count. */
    static final double TOLERANCE = 1e-9;

    private final int[][] ranksOf;
    private final int ranks;
    private final DispatchCost cost;
    /** Entries of expert e are first[e] to first[e + 1] − 1: one per rank that holds it. */
    private final int[] first;

    private final int[] rankOfEntry;
    private final int[] expertOfEntry;
    /** For each rank the entries of experts that other ranks hold, too. */
    private final int[][] movable;

    /**
     * A division of tokens among the replicas of a placement.
     *
     * @param placement which rank holds which experts; none twice
     * @param cost of a rank
     */
    public ReplicaDispatch(ExpertPlacement placement, DispatchCost cost) {
        if (!placement.isDistinct()) {
            throw new IllegalArgumentException("a rank holds an expert twice: " + placement);
        }
        this.cost = cost;
        ranks = placement.ranks();
        ranksOf = new int[placement.experts()][];
        first = new int[ranksOf.length + 1];
        for (int expert = 0; expert < ranksOf.length; expert++) {
            ranksOf[expert] = placement.ranksOf(expert);
            first[expert + 1] = first[expert] + ranksOf[expert].length;
        }
        rankOfEntry = new int[first[ranksOf.length]];
        expertOfEntry = new int[rankOfEntry.length];
        List<IntStream.Builder> shared = Stream.generate(IntStream::builder).limit(ranks).toList();
        for (int expert = 0; expert < ranksOf.length; expert++) {
            for (int entry = first[expert]; entry < first[expert + 1]; entry++) {
                rankOfEntry[entry] = ranksOf[expert][entry - first[expert]];
                expertOfEntry[entry] = expert;
                if (ranksOf[expert].length > 1) {
                    shared.get(rankOfEntry[entry]).add(entry);
                }
            }
        }
        movable = shared.stream().map(entries -> entries.build().toArray()).toArray(int[][]::new);
    }

    /** {@return the placement's number of ranks} */
    public int ranks() {
        return ranks;
    }

    /**
     * Decides which rank serves which tokens.
     *
     * @param tokens tokens of each expert in this step, from all sources
     * @return how many tokens of each expert each of its ranks serves
     */
    public Dispatch decide(int[] tokens) {
        if (tokens.length != ranksOf.length) {
            throw new IllegalArgumentException(
                    "tokens of %d experts, but %d are placed".formatted(tokens.length, ranksOf.length));
        }
        State state = new State(tokens);
        state.placeWhole(tokens);
        int[] whole = state.tokens.clone();
        double before = state.slowestSeconds();
        state.handOn(cost.bound(tokens, ranks));
        double after = state.slowestSeconds();
        if (after < before * (1 - TOLERANCE)) {
            while (state.undoDivisions(after)) {
                // A rank that an expert has left may now have room for another.
            }
            // One division fewer can make the slowest rank faster.
            return dispatch(state.tokens, state.slowestSeconds());
        }
        return dispatch(whole, before);
    }

    /**
     * {@return the tokens of every expert on the one rank that another decision gave it, whole}
     *
     * @param homes a decision in which no expert is divided and each has tokens
     * @param tokens tokens of each expert
     */
    public Dispatch keep(Dispatch homes, int[] tokens) {
        State state = new State(tokens);
        for (int expert = 0; expert < ranksOf.length; expert++) {
            int[] of = homes.tokens(expert);
            for (int i = 0; i < of.length; i++) {
                if (of[i] > 0) {
                    state.add(first[expert] + i, tokens[expert]);
                }
            }
        }
        return dispatch(state.tokens, state.slowestSeconds());
    }

    /**
     * {@return whether reading experts, rather than moving or computing tokens, is what takes most of the slowest
     * rank's time}
     *
     * @param dispatch a division of tokens
     */
    public boolean reads(Dispatch dispatch) {
        int[] visits = dispatch.visitsOfRanks(ranks);
        int[] tokens = dispatch.tokensOfRanks(ranks);
        double[] seconds = new double[ranks];
        Arrays.setAll(seconds, rank -> cost.seconds(visits[rank], tokens[rank]));
        int slowest = Indices.ofLargest(seconds);
        return visits[slowest] * cost.secondsPerVisit() > tokens[slowest]
                * Math.max(cost.secondsPerTokenMoved(), cost.secondsPerTokenComputed());
    }

    /**
     * {@return the tokens of every expert divided evenly among its replicas, however small the parts: what EPLB
     * assumes}
     *
     * @param tokens tokens of each expert
     */
    public Dispatch even(int[] tokens) {
        State state = new State(tokens);
        for (int expert = 0; expert < ranksOf.length; expert++) {
            int n = ranksOf[expert].length;
            for (int i = 0; i < n; i++) {
                // The remainder starts with another replica for every expert, so that it does not always burden the
                // lowest ranks.
                int share = tokens[expert] / n + (Math.floorMod(i - expert, n) < tokens[expert] % n ? 1 : 0);
                state.add(first[expert] + i, share);
            }
        }
        return dispatch(state.tokens, state.slowestSeconds());
    }

    private Dispatch dispatch(int[] entries, double seconds) {
        int[][] tokens = new int[ranksOf.length][];
        for (int expert = 0; expert < tokens.length; expert++) {
            tokens[expert] = Arrays.copyOfRange(entries, first[expert], first[expert + 1]);
        }
        return new Dispatch(ranksOf, tokens, seconds);
    }

    /** One decision under way. */
    private final class State {
        private final int[] tokens = new int[rankOfEntry.length];
        private final int[] visits = new int[ranks];
        private final long[] sums = new long[ranks];
        private final double[] seconds = new double[ranks];
        private final int[] from = new int[ranks];
        private final int[] to = new int[ranks];
        private final int[] queue = new int[ranks];
        private final int[] moved = new int[ranks];

        State(int[] given) {
            for (int expert = 0; expert < given.length; expert++) {
                if (given[expert] < 0) {
                    throw new IllegalArgumentException("expert %d has %d tokens".formatted(expert, given[expert]));
                }
            }
        }

        void add(int entry, int n) {
            if (n == 0) {
                return;
            }
            int rank = rankOfEntry[entry];
            visits[rank] += (tokens[entry] == 0 ? 1 : 0) - (tokens[entry] + n == 0 ? 1 : 0);
            tokens[entry] += n;
            sums[rank] += n;
            seconds[rank] = cost.seconds(visits[rank], sums[rank]);
        }

        /** Time of an entry's rank if it had so many tokens more or fewer. */
        private double with(int entry, int n) {
            int rank = rankOfEntry[entry];
            int change = n == 0 ? 0 : (tokens[entry] == 0 ? 1 : 0) - (tokens[entry] + n == 0 ? 1 : 0);
            return cost.seconds(visits[rank] + change, sums[rank] + n);
        }

        double slowestSeconds() {
            return seconds[Indices.ofLargest(seconds)];
        }

        void placeWhole(int[] given) {
            long[] order = new long[given.length];
            int n = 0;
            for (int expert = 0; expert < given.length; expert++) {
                if (ranksOf[expert].length == 1) {
                    add(first[expert], given[expert]);
                } else if (given[expert] > 0) {
                    // Descending by tokens, then ascending by expert.
                    order[n++] = ((long) (Integer.MAX_VALUE - given[expert]) << 32) | expert;
                }
            }
            Arrays.sort(order, 0, n);
            for (int i = 0; i < n; i++) {
                int expert = (int) order[i];
                int best = first[expert];
                for (int entry = best + 1; entry < first[expert + 1]; entry++) {
                    best = with(entry, given[expert]) < with(best, given[expert]) ? entry : best;
                }
                add(best, given[expert]);
            }
        }

        /** Lightens the slowest rank for as long as that works and there is something to gain. */
        void handOn(double bound) {
            int left = 16 * ranks + 64;
            while (left-- > 0) {
                int rank = Indices.ofLargest(seconds);
                double enough = Math.max(bound * (1 + 1e-3), 0);
                if (seconds[rank] <= enough || !(handOnDirectly(rank) || handOnAlongPath(rank))) {
                    return;
                }
            }
        }

        private boolean handOnDirectly(int rank) {
            double best = seconds[rank] * (1 - TOLERANCE);
            int source = -1;
            int target = -1;
            int moved = 0;
            for (int entry : movable[rank]) {
                int expert = expertOfEntry[entry];
                for (int other = first[expert]; other < first[expert + 1] && tokens[entry] > 0; other++) {
                    if (other == entry || seconds[rankOfEntry[other]] >= best) {
                        continue;
                    }
                    int all = tokens[entry];
                    double whole = Math.max(with(entry, -all), with(other, all));
                    if (whole < best) {
                        best = whole;
                        source = entry;
                        target = other;
                        moved = all;
                    }
                    int part = meeting(entry, other);
                    double divided = Math.max(with(entry, -part), with(other, part));
                    // Of equals the one that divides nothing.
                    if (part > 0 && divided < best * (1 - TOLERANCE)) {
                        best = divided;
                        source = entry;
                        target = other;
                        moved = part;
                    }
                }
            }
            if (moved == 0) {
                return false;
            }
            add(source, -moved);
            add(target, moved);
            return true;
        }

        /**
         * The number of tokens after which the giving rank is the faster of two; time falls on one and rises on the
         * other.
         */
        private int meeting(int source, int target) {
            int low = 0;
            int high = tokens[source];
            while (low < high) {
                int middle = (low + high) >>> 1;
                if (with(source, -middle) > with(target, middle)) {
                    low = middle + 1;
                } else {
                    high = middle;
                }
            }
            // Just before they meet may be better than just after.
            return low > 0
                    && Math.max(with(source, 1 - low), with(target, low - 1)) < Math.max(with(source, -low),
                            with(target, low))
                                    ? low - 1
                                    : low;
        }

        /** Paths in the order of their lengths; each rank is reached once. */
        private boolean handOnAlongPath(int slowest) {
            Arrays.fill(from, -1);
            int head = 0;
            int tail = 0;
            queue[tail++] = slowest;
            double limit = seconds[slowest] * (1 - TOLERANCE);
            while (head < tail) {
                int rank = queue[head++];
                for (int entry : movable[rank]) {
                    if (tokens[entry] == 0) {
                        continue;
                    }
                    int expert = expertOfEntry[entry];
                    for (int other = first[expert]; other < first[expert + 1]; other++) {
                        int next = rankOfEntry[other];
                        if (next == slowest || from[next] >= 0) {
                            continue;
                        }
                        from[next] = entry;
                        to[next] = other;
                        queue[tail++] = next;
                        if (rank != slowest && seconds[next] < limit && push(slowest, next, limit)) {
                            return true;
                        }
                    }
                }
            }
            return false;
        }

        /** Hands tokens on along the path that was found to {@code last}, if all its ranks stay below the limit. */
        private boolean push(int slowest, int last, double limit) {
            int most = Integer.MAX_VALUE;
            for (int rank = last; rank != slowest; rank = rankOfEntry[from[rank]]) {
                most = Math.min(most, tokens[from[rank]]);
            }
            if (tryPush(slowest, last, limit, -1)) {
                return true;
            }
            for (int n = most; n > 0; n >>= 1) {
                if (tryPush(slowest, last, limit, n)) {
                    return true;
                }
            }
            return false;
        }

        /**
         * Moves {@code n} tokens over every edge of the path, or with −1 all there are, and takes that back where it
         * does not help.
         */
        private boolean tryPush(int slowest, int last, double limit, int n) {
            double most = seconds[slowest];
            for (int rank = last; rank != slowest; rank = rankOfEntry[from[rank]]) {
                moved[rank] = n < 0 ? tokens[from[rank]] : n;
            }
            for (int rank = last; rank != slowest; rank = rankOfEntry[from[rank]]) {
                add(from[rank], -moved[rank]);
                add(to[rank], moved[rank]);
            }
            boolean good = seconds[slowest] < limit;
            for (int rank = last; rank != slowest; rank = rankOfEntry[from[rank]]) {
                // On the way ranks may be as slow as the slowest was: their turn comes.
                good &= rank == last ? seconds[rank] < limit : seconds[rank] <= most;
            }
            for (int rank = last; rank != slowest && !good; rank = rankOfEntry[from[rank]]) {
                add(to[rank], -moved[rank]);
                add(from[rank], moved[rank]);
            }
            return good;
        }

        /** Brings parts of experts together where no rank becomes slower than the slowest; whether there were any. */
        boolean undoDivisions(double most) {
            boolean any = false;
            for (int expert = 0; expert < ranksOf.length; expert++) {
                for (int entry = first[expert]; entry < first[expert + 1]; entry++) {
                    int target = -1;
                    for (int other = first[expert]; other < first[expert + 1] && tokens[entry] > 0; other++) {
                        if (other != entry && tokens[other] > 0 && with(other, tokens[entry]) <= most
                                && (target < 0 || with(other, tokens[entry]) < with(target, tokens[entry]))) {
                            target = other;
                        }
                    }
                    if (target >= 0) {
                        add(target, tokens[entry]);
                        add(entry, -tokens[entry]);
                        any = true;
                    }
                }
            }
            return any;
        }
    }
}
