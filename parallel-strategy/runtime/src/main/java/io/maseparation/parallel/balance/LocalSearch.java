package io.maseparation.parallel.balance;

import java.util.Arrays;
import java.util.Optional;
import java.util.SplittableRandom;

/**
 * Improves a placement on ranks without nodes. Each step lightens the heaviest rank and leaves every rank it touches
 * lighter than that rank was, by the best of
 *
 * <ul>
 *   <li>a swap of two experts between ranks,
 *   <li>another use of a slot: a replica of one expert is replaced by one of another expert (all other replicas of both
 *       change their loads with it),
 *   <li>where neither helps, a swap around three ranks.
 * </ul>
 */
final class LocalSearch {
    /** Fraction of the mean load below which a difference does not count. */
    static final double TOLERANCE = 1e-12;

    /** Ranks × slots² beyond which swaps around three ranks are left out. */
    private static final long MOST_FOR_CYCLES = 1 << 12;

    private final double[] loads;
    private final int ranks;
    private final double tolerance;
    private final int[][] slots;
    private final boolean[][] has;
    private final int[] replicas;
    private final int[][] ranksOf;
    private final double[] unit;
    private final double[] sums;

    /** What the heaviest of the ranks that the best step so far touches would weigh. */
    private double best;
    private Optional<Step> step = Optional.empty();

    private sealed interface Step {}

    /**
     * Experts change places: that of each slot goes to the next slot, and that of the last one to the first.
     *
     * @param at rank and slot of the first, rank and slot of the second, …
     */
    private record Rotation(int... at) implements Step {}

    /** A slot is used for another expert. */
    private record Reuse(int rank, int slot, int expert) implements Step {}

    LocalSearch(double[] loads, int[][] placement) {
        this.loads = loads;
        ranks = placement.length;
        tolerance = TOLERANCE * Arrays.stream(loads).sum() / ranks;
        slots = Arrays.stream(placement).map(int[]::clone).toArray(int[][]::new);
        has = new boolean[ranks][loads.length];
        replicas = new int[loads.length];
        ranksOf = new int[loads.length][ranks];
        unit = new double[loads.length];
        sums = new double[ranks];
        reset(placement);
        repair();
    }

    private void reset(int[][] placement) {
        Arrays.fill(replicas, 0);
        for (int rank = 0; rank < ranks; rank++) {
            slots[rank] = placement[rank].clone();
            Arrays.fill(has[rank], false);
            for (int expert : slots[rank]) {
                has[rank][expert] = true;
                replicas[expert]++;
            }
        }
        for (int expert = 0; expert < loads.length; expert++) {
            locate(expert);
            update(expert);
        }
        for (int rank = 0; rank < ranks; rank++) {
            sums[rank] = sum(rank);
        }
    }

    /** Gives slots that hold an expert a second time to the experts with the largest load per replica. */
    private void repair() {
        boolean changed = false;
        for (int rank = 0; rank < ranks; rank++) {
            for (int slot = 0; slot < slots[rank].length; slot++) {
                int expert = slots[rank][slot];
                for (int before = 0; before < slot; before++) {
                    if (slots[rank][before] == expert) {
                        int other = heaviestNotOn(rank);
                        slots[rank][slot] = other;
                        has[rank][other] = true;
                        changed = true;
                        replicas[expert]--;
                        replicas[other]++;
                        update(expert);
                        update(other);
                        break;
                    }
                }
            }
        }
        if (changed) {
            reset(slots.clone());
        }
    }

    private int heaviestNotOn(int rank) {
        int found = -1;
        for (int expert = 0; expert < loads.length; expert++) {
            if (!has[rank][expert]
                    && (found < 0 || loads[expert] / (replicas[expert] + 1) > loads[found] / (replicas[found] + 1))) {
                found = expert;
            }
        }
        return found;
    }

    private void update(int expert) {
        unit[expert] = loads[expert] / replicas[expert];
    }

    private double sum(int rank) {
        double sum = 0;
        for (int expert : slots[rank]) {
            sum += unit[expert];
        }
        return sum;
    }

    /** Load of the heaviest rank. */
    double heaviest() {
        return sums[Indices.ofLargest(sums)];
    }

    /** Experts of each rank. */
    int[][] placement() {
        return Arrays.stream(slots).map(int[]::clone).toArray(int[][]::new);
    }

    /**
     * Steps until none helps, the heaviest rank weighs no more than {@code enough}, or the number of steps is used up.
     *
     * @return whether any step was made
     */
    boolean descend(double enough, int steps) {
        boolean any = false;
        for (int i = 0; i < steps; i++) {
            int rank = Indices.ofLargest(sums);
            if (sums[rank] <= enough + tolerance) {
                break;
            }
            step = Optional.empty();
            best = sums[rank] - tolerance;
            swaps(rank);
            reuses(rank);
            if (step.isEmpty() && (long) ranks * slots[rank].length * slots[rank].length <= MOST_FOR_CYCLES) {
                cycles(rank);
            }
            if (step.isEmpty()) {
                break;
            }
            apply(step.get());
            any = true;
        }
        return any;
    }

    private void swaps(int from) {
        for (int i = 0; i < slots[from].length; i++) {
            int a = slots[from][i];
            for (int to = 0; to < ranks; to++) {
                if (to == from || has[to][a]) {
                    continue;
                }
                for (int j = 0; j < slots[to].length; j++) {
                    int b = slots[to][j];
                    double moved = unit[a] - unit[b];
                    if (moved > 0 && !has[from][b]) {
                        double most = Math.max(sums[from] - moved, sums[to] + moved);
                        if (most < best) {
                            keep(most, new Rotation(from, i, to, j));
                        }
                    }
                }
            }
        }
    }

    /** One more replica of an expert of the rank, or a replica of any expert in place of one on the rank. */
    private void reuses(int rank) {
        for (int expert : slots[rank]) {
            if (replicas[expert] < ranks) {
                for (int at = 0; at < ranks; at++) {
                    for (int slot = 0; slot < slots[at].length && !has[at][expert]; slot++) {
                        reuse(rank, at, slot, expert);
                    }
                }
            }
        }
        for (int slot = 0; slot < slots[rank].length; slot++) {
            if (replicas[slots[rank][slot]] > 1) {
                for (int expert = 0; expert < loads.length; expert++) {
                    if (!has[rank][expert]) {
                        reuse(rank, rank, slot, expert);
                    }
                }
            }
        }
    }

    private void reuse(int heaviest, int at, int slot, int expert) {
        int gone = slots[at][slot];
        if (replicas[gone] < 2) {
            return;
        }
        double fewer = loads[gone] / (replicas[gone] - 1);
        double more = loads[expert] / (replicas[expert] + 1);
        double here = sums[at] - unit[gone] + more;
        double there = at == heaviest
                ? here
                : sums[heaviest]
                        + (has[heaviest][gone] ? fewer - unit[gone] : 0)
                        + (has[heaviest][expert] ? more - unit[expert] : 0);
        double most = Math.max(here, there);
        if (most >= best) {
            return;
        }
        for (int k = 0; k < replicas[gone] && most < best; k++) {
            int rank = ranksOf[gone][k];
            if (rank != at) {
                double sum = sums[rank] + fewer - unit[gone] + (has[rank][expert] ? more - unit[expert] : 0);
                most = Math.max(most, sum);
            }
        }
        for (int k = 0; k < replicas[expert] && most < best; k++) {
            int rank = ranksOf[expert][k];
            if (!has[rank][gone]) {
                most = Math.max(most, sums[rank] + more - unit[expert]);
            }
        }
        if (most < best) {
            keep(most, new Reuse(at, slot, expert));
        }
    }

    /** One expert of the rank to a second rank, one of the second to a third, one of the third back. */
    private void cycles(int from) {
        for (int i = 0; i < slots[from].length; i++) {
            int a = slots[from][i];
            for (int second = 0; second < ranks; second++) {
                if (second == from || has[second][a]) {
                    continue;
                }
                for (int j = 0; j < slots[second].length; j++) {
                    int b = slots[second][j];
                    double atSecond = sums[second] + unit[a] - unit[b];
                    if (atSecond < best) {
                        third(from, i, second, j, atSecond);
                    }
                }
            }
        }
    }

    private void third(int from, int i, int second, int j, double atSecond) {
        int a = slots[from][i];
        int b = slots[second][j];
        for (int third = 0; third < ranks; third++) {
            if (third == from || third == second || has[third][b]) {
                continue;
            }
            for (int k = 0; k < slots[third].length; k++) {
                int c = slots[third][k];
                if (has[from][c]) {
                    continue;
                }
                double most = Math.max(
                        atSecond,
                        Math.max(sums[from] - unit[a] + unit[c], sums[third] - unit[c] + unit[b]));
                if (most < best) {
                    keep(most, new Rotation(from, i, second, j, third, k));
                }
            }
        }
    }

    private void keep(double most, Step found) {
        best = most;
        step = Optional.of(found);
    }

    private void apply(Step found) {
        switch (found) {
            case Rotation(int[] at) -> rotate(at);
            case Reuse(int rank, int slot, int expert) -> use(rank, slot, expert);
        }
    }

    private void rotate(int... at) {
        int coming = slots[at[at.length - 2]][at[at.length - 1]];
        for (int i = 0; i < at.length; i += 2) {
            int going = slots[at[i]][at[i + 1]];
            put(at[i], at[i + 1], coming);
            coming = going;
        }
        for (int i = 0; i < at.length; i += 2) {
            locate(slots[at[i]][at[i + 1]]);
            sums[at[i]] = sum(at[i]);
        }
    }

    /** Replaces an expert on a rank; the number of its replicas stays. */
    private void put(int rank, int slot, int expert) {
        int gone = slots[rank][slot];
        slots[rank][slot] = expert;
        has[rank][gone] = false;
        has[rank][expert] = true;
    }

    private void locate(int expert) {
        int n = 0;
        for (int rank = 0; rank < ranks; rank++) {
            if (has[rank][expert]) {
                ranksOf[expert][n++] = rank;
            }
        }
    }

    private void use(int at, int slot, int expert) {
        int gone = slots[at][slot];
        put(at, slot, expert);
        replicas[gone]--;
        replicas[expert]++;
        locate(gone);
        locate(expert);
        update(gone);
        update(expert);
        for (int rank = 0; rank < ranks; rank++) {
            if (rank == at || has[rank][gone] || has[rank][expert]) {
                sums[rank] = sum(rank);
            }
        }
    }

    /** Takes some random steps, whether they help or not. */
    private void kick(SplittableRandom random, int steps) {
        for (int i = 0; i < steps; i++) {
            int from = i == 0 ? Indices.ofLargest(sums) : random.nextInt(ranks);
            int to = random.nextInt(ranks);
            int a = random.nextInt(slots[from].length);
            int b = random.nextInt(slots[to].length);
            if (random.nextInt(4) == 0 && replicas[slots[to][b]] > 1) {
                int expert = random.nextInt(loads.length);
                if (!has[to][expert]) {
                    use(to, b, expert);
                }
            } else if (from != to && !has[to][slots[from][a]] && !has[from][slots[to][b]]) {
                rotate(from, a, to, b);
            }
        }
    }

    /**
     * Descends again and again from placements near the best one found (iterated local search), which it ends with.
     *
     * @param enough load of the heaviest rank at which to stop
     * @param rounds descents
     * @param random where the next one starts
     */
    void search(double enough, int rounds, SplittableRandom random) {
        descend(enough, Integer.MAX_VALUE);
        int[][] found = placement();
        double least = heaviest();
        for (int round = 0; round < rounds && least > enough + tolerance; round++) {
            kick(random, 2 + random.nextInt(4));
            descend(enough, Integer.MAX_VALUE);
            if (heaviest() <= least) {
                least = heaviest();
                found = placement();
            } else {
                reset(found);
            }
        }
        reset(found);
    }
}
