package io.maseparation.parallel.adapt;

import io.maseparation.parallel.layout.ExpertGroups;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/** Places of one layer's experts on expert groups, by weights of any kind: rows, or time. */
final class ExpertPlaces {
    private ExpertPlaces() {}

    /**
     * Heaviest first to the lightest group (Graham 1969), whatever was there before.
     *
     * @param weights weight of each expert
     * @return each expert in one group; every group has an expert if there are enough
     */
    static ExpertGroups.Layer balanced(double[] weights, int experts, int groups) {
        double[] load = new double[groups];
        int[] count = new int[groups];
        int[] place = new int[experts];
        IntStream.range(0, experts)
                .boxed()
                .sorted(Comparator.comparingDouble((Integer e) -> -weights[e]))
                .forEach(expert -> {
                    int lightest = 0;
                    for (int group = 1; group < groups; group++) {
                        if (load[group] < load[lightest]
                                || (load[group] == load[lightest] && count[group] < count[lightest])) {
                            lightest = group;
                        }
                    }
                    place[expert] = lightest;
                    load[lightest] += weights[expert];
                    count[lightest]++;
                });
        fillEmpty(place, count);
        return ExpertGroups.Layer.of(Arrays.stream(place).boxed().toList());
    }

    /** With weights of 0, or one far above the rest, a group may have nothing. */
    private static void fillEmpty(int[] place, int[] count) {
        for (int group = 0; group < count.length && place.length >= count.length; group++) {
            for (int expert = place.length - 1; expert >= 0 && count[group] == 0; expert--) {
                if (count[place[expert]] > 1) {
                    count[place[expert]]--;
                    place[expert] = group;
                    count[group]++;
                }
            }
        }
    }

    /**
     * The present places with as few moves as make the heaviest group lighter: an expert to another group, or two that
     * change places, whichever helps most, again and again.
     *
     * @param layer the present places; only experts in a single group move
     */
    static ExpertGroups.Layer refined(double[] weights, ExpertGroups.Layer layer, int groups) {
        List<List<Integer>> present = layer.groupsOf();
        int experts = present.size();
        int[] place = new int[experts];
        double[] load = new double[groups];
        int[] count = new int[groups];
        for (int expert = 0; expert < experts; expert++) {
            List<Integer> of = present.get(expert);
            place[expert] = of.size() == 1 ? of.getFirst() : -1;
            for (int group : of) {
                load[group] += weights[expert] / of.size();
                count[group]++;
            }
        }
        for (int moves = 0; moves < experts; moves++) {
            if (!improve(weights, place, load, count)) {
                break;
            }
        }
        List<List<Integer>> places = new ArrayList<>();
        for (int expert = 0; expert < experts; expert++) {
            places.add(place[expert] < 0 ? present.get(expert) : List.of(place[expert]));
        }
        return new ExpertGroups.Layer(places);
    }

    private static boolean improve(double[] weights, int[] place, double[] load, int[] count) {
        int heaviest = 0;
        for (int group = 1; group < load.length; group++) {
            heaviest = load[group] > load[heaviest] ? group : heaviest;
        }
        // Less than this is rounding.
        double best = load[heaviest] * (1 - 1e-9);
        int mover = -1;
        int partner = -1;
        int target = -1;
        for (int expert = 0; expert < place.length; expert++) {
            if (place[expert] != heaviest) {
                continue;
            }
            for (int group = 0; group < load.length; group++) {
                double after = Math.max(load[heaviest] - weights[expert], load[group] + weights[expert]);
                if (group != heaviest && count[heaviest] > 1 && after < best) {
                    best = after;
                    mover = expert;
                    partner = -1;
                    target = group;
                }
            }
            for (int other = 0; other < place.length; other++) {
                if (place[other] < 0 || place[other] == heaviest) {
                    continue;
                }
                double difference = weights[expert] - weights[other];
                double after = Math.max(load[heaviest] - difference, load[place[other]] + difference);
                if (after < best) {
                    best = after;
                    mover = expert;
                    partner = other;
                    target = place[other];
                }
            }
        }
        if (mover < 0) {
            return false;
        }
        double moved = weights[mover] - (partner < 0 ? 0 : weights[partner]);
        load[heaviest] -= moved;
        load[target] += moved;
        place[mover] = target;
        if (partner >= 0) {
            place[partner] = heaviest;
        } else {
            count[heaviest]--;
            count[target]++;
        }
        return true;
    }
}
