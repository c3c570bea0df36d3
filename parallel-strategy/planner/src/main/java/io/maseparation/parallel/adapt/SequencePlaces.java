package io.maseparation.parallel.adapt;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/** Assigns sequences to attention groups by the positions that their keys and values take. */
final class SequencePlaces {
    private SequencePlaces() {}

    /**
     * The present owners after moves that even the groups out. First, sequences of groups that no longer exist go to
     * the lightest group, the longest first; then single sequences move from the heaviest group to the lightest as long
     * as that makes the heaviest group lighter.
     *
     * @param owners group of each sequence; −1 for a sequence that has ended
     * @param weights for each sequence, its positions in the middle of the period for which the owners are chosen
     * @param groups number of groups from now on
     */
    static List<Integer> refined(List<Integer> owners, double[] weights, int groups) {
        List<Integer> places = new ArrayList<>(owners);
        double[] load = new double[groups];
        for (int s = 0; s < weights.length; s++) {
            if (owners.get(s) >= 0 && owners.get(s) < groups) {
                load[owners.get(s)] += weights[s];
            }
        }
        IntStream.range(0, weights.length)
                .filter(s -> owners.get(s) >= groups)
                .boxed()
                .sorted(Comparator.comparingDouble((Integer s) -> -weights[s]))
                .forEach(s -> {
                    int lightest = lightest(load);
                    places.set(s, lightest);
                    load[lightest] += weights[s];
                });
        for (int moves = 0; moves < weights.length; moves++) {
            int from = heaviest(load);
            int to = lightest(load);
            int best = -1;
            double least = load[from];
            for (int s = 0; s < weights.length; s++) {
                double after = Math.max(load[from] - weights[s], load[to] + weights[s]);
                if (places.get(s) == from && after < least) {
                    least = after;
                    best = s;
                }
            }
            if (best < 0) {
                break;
            }
            places.set(best, to);
            load[from] -= weights[best];
            load[to] += weights[best];
        }
        return places;
    }

    private static int lightest(double[] load) {
        return IntStream.range(0, load.length).boxed().min(Comparator.comparingDouble(g -> load[g])).orElseThrow();
    }

    static int heaviest(double[] load) {
        return IntStream.range(0, load.length).boxed().max(Comparator.comparingDouble(g -> load[g])).orElseThrow();
    }
}
