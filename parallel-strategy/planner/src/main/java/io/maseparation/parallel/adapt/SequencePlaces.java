package io.maseparation.parallel.adapt;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/** Owners of sequences by the positions that their keys and values take. */
final class SequencePlaces {
    private SequencePlaces() {}

    /**
     * The present owners with as few moves as even the groups out. Sequences whose group is no more go first, longest
     * first, to the lightest group; then single sequences move from the heaviest group to the lightest as long as that
     * makes the heaviest lighter.
     *
     * @param owners group of each sequence; −1 for one that has ended
     * @param weights of each sequence: positions by the middle of the time that the owners are to hold for
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
