package io.maseparation.parallel.adapt;

import io.maseparation.parallel.layout.ExpertGroups;
import java.util.ArrayList;
import java.util.List;

/** Assigns one layer's experts to expert groups by weights of any kind, such as rows or time. */
final class ExpertPlaces {
    private ExpertPlaces() {}

    /**
     * The present places after moves that make the heaviest group lighter: an expert moves to another group, or two
     * experts change places, whichever helps most, as long as it helps.
     *
     * @param weights weight of each expert
     * @param layer the present places; only experts in a single group move
     * @param groups number of groups
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
        int heaviest = SequencePlaces.heaviest(load);
        // Smaller differences are rounding.
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
