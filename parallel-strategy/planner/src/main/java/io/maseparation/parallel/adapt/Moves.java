package io.maseparation.parallel.adapt;

import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.balance.BalanceProblem;
import io.maseparation.parallel.balance.ExpertBalancer;
import io.maseparation.parallel.balance.ExpertPlacement;
import io.maseparation.parallel.change.LayoutChange.Kind;
import io.maseparation.parallel.change.LayoutPolicy.LiveState;
import io.maseparation.parallel.layout.ExpertGroups;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.Target;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/** Layouts that one change leads to: other places of experts, other owners of sequences, another ratio. */
public final class Moves {
    /**
     * A layout.
     *
     * @param kind what moves
     * @param target the layout
     * @param layout what distinguishes layouts: the places of the experts, the owners of the sequences, or the ratio
     */
    record Move(Kind kind, Target target, Object layout) {}

    private Moves() {}

    /** What distinguishes a run's layout from those that a change of this kind can lead to. */
    static Object layout(Kind kind, Plan plan, List<Integer> owners) {
        return switch (kind) {
            case EXPERTS -> plan.placement().experts();
            case SEQUENCES -> owners;
            case RATIO -> plan.layout().name();
        };
    }

    /**
     * All moves within reach.
     *
     * @param rows [layers, experts]: rows per step
     */
    static List<Move> of(LiveState state, double[][] rows, Adaptation.Reach reach) {
        Plan plan = state.plan();
        List<Move> found = new ArrayList<>();
        Target present = new Target(plan.setup(), Optional.of(plan.placement().experts()), Optional.empty());
        if (reach.experts()) {
            for (double[][] weights : List.of(rows, visits(rows))) {
                List<ExpertGroups> all = new ArrayList<>();
                all.add(refined(plan, weights));
                all.add(places(plan, weights, separated(plan), 0));
                if (reach.redundantExperts() > 0) {
                    all.add(places(plan, weights, separated(plan), reach.redundantExperts()));
                }
                for (ExpertGroups places : all) {
                    Move move = new Move(Kind.EXPERTS, present.withExperts(places), places);
                    if (!places.equals(plan.placement().experts()) && !found.contains(move)) {
                        found.add(move);
                    }
                }
            }
        }
        if (reach.sequences()) {
            List<Integer> owners = SequencePlaces.refined(state.owners(), growing(state), plan.groups());
            if (!owners.equals(state.owners())) {
                found.add(new Move(Kind.SEQUENCES, present.withOwners(mapped(owners)), owners));
            }
        }
        if (reach.ratio()) {
            Layout.Separated now = separated(plan);
            int block = block(now);
            // Experts are not divided: one more rank may leave the fullest rank as full as it is, two more may not.
            for (int change : new int[] {-2 * block, -block, block, 2 * block}) {
                int attention = now.attentionDevices() + change;
                int experts = now.expertDevices() - change;
                if (attention < 1 || experts < 1 || !fits(plan.config(), now, attention, experts)) {
                    continue;
                }
                found.add(ratio(state, rows, attention, experts, 0));
                if (reach.redundantExperts() > 0) {
                    found.add(ratio(state, rows, attention, experts, reach.redundantExperts()));
                }
            }
        }
        return found;
    }

    /**
     * {@return the layout of another ratio, with experts placed by their loads and as few moves of sequences as
     * possible}
     *
     * @param state the run
     * @param rows [layers, experts]: rows per step
     * @param attention number of attention devices
     * @param experts number of expert devices
     * @param redundant places for replicas in each layer
     */
    public static Move ratio(LiveState state, double[][] rows, int attention, int experts, int redundant) {
        Layout.Separated layout = separated(state.plan()).withRatio(attention, experts);
        Target target = new Target(
                state.plan().setup().withLayout(layout),
                Optional.of(places(state.plan(), rows, layout, redundant)),
                Optional.of(mapped(SequencePlaces.refined(
                        state.owners(), growing(state), attention / layout.attentionTensorParallel()))));
        return new Move(Kind.RATIO, target, layout.name());
    }

    /** Least number of devices that can change from attention to experts so that all groups stay whole. */
    private static int block(Layout.Separated layout) {
        int a = layout.attentionTensorParallel();
        int e = layout.expertTensorParallel() * layout.expertReplicas();
        int block = a;
        while (block % e != 0) {
            block += a;
        }
        return block;
    }

    private static boolean fits(ModelConfig config, Layout.Separated layout, int attention, int experts) {
        int groups = layout.withRatio(attention, experts).expertGroups();
        return attention / layout.attentionTensorParallel() >= layout.expertReplicas()
                && groups >= 1
                && config.layers().stream()
                        .mapToInt(l -> l.routing().experts())
                        .allMatch(n -> n == 0 || n >= groups);
    }

    /** The same owners; a sequence that has ended may have any. */
    private static List<Integer> mapped(List<Integer> owners) {
        return owners.stream().map(o -> Math.max(0, o)).toList();
    }

    /**
     * {@return owners of sequences that even the groups' loads out}
     *
     * @param state the run
     */
    public static List<Integer> evenOwners(LiveState state) {
        return mapped(SequencePlaces.refined(state.owners(), growing(state), state.plan().groups()));
    }

    /** Positions of each sequence half-way through the steps that may follow; 0 for one that has ended. */
    private static double[] growing(LiveState state) {
        return Arrays.stream(state.positions())
                .mapToDouble(p -> p == 0 ? 0 : p + state.remaining() / 2.0)
                .toArray();
    }

    /** Share of steps in which an expert has any row, if rows are independent: how often its weights are read. */
    private static double[][] visits(double[][] rows) {
        return Arrays.stream(rows)
                .map(layer -> Arrays.stream(layer).map(r -> 1 - Math.exp(-r)).toArray())
                .toArray(double[][]::new);
    }

    /** The layout of a plan; only runs with separated attention and experts can change it. */
    private static Layout.Separated separated(Plan plan) {
        return (Layout.Separated) plan.layout();
    }

    /** Places of all experts after the moves that even the groups out. */
    private static ExpertGroups refined(Plan plan, double[][] weights) {
        List<ExpertGroups.Layer> present = plan.placement().experts().layers();
        return new ExpertGroups(IntStream.range(0, weights.length)
                .mapToObj(l -> ExpertPlaces.refined(weights[l], present.get(l), plan.layout().expertGroups()))
                .toList());
    }

    /**
     * {@return places of all experts, independent of the present ones, except that a new group gets the number of the
     * present group whose experts it shares most}
     *
     * @param plan the present plan
     * @param weights [layers, experts]: weight of each expert, such as its rows per step
     * @param layout the layout that the experts are placed for
     * @param redundant further places in each layer, for replicas
     */
    public static ExpertGroups places(Plan plan, double[][] weights, Layout layout, int redundant) {
        int groups = layout.expertGroups();
        boolean alike = groups == plan.layout().expertGroups();
        List<ExpertGroups.Layer> places = new ArrayList<>();
        for (int layer = 0; layer < weights.length; layer++) {
            int experts = plan.config().layers().get(layer).routing().experts();
            if (experts < groups) {
                // A dense layer, or a layout that is refused later.
                places.add(ExpertGroups.Layer.of(IntStream.range(0, experts).boxed().toList()));
                continue;
            }
            int total = (int) Math.min((long) experts * groups, (long) experts + redundant);
            int[] slots = IntStream.range(0, groups)
                    .map(g -> (int) ((long) total * (g + 1) / groups - (long) total * g / groups))
                    .toArray();
            ExpertPlacement balanced = ExpertBalancer.quick(
                    new BalanceProblem(Arrays.copyOf(weights[layer], experts), slots, 1, 1));
            ExpertPlacement found = alike
                    ? balanced.numberedLike(plan.placement().experts().layers().get(layer).held(groups))
                    : balanced;
            places.add(new ExpertGroups.Layer(IntStream.range(0, experts)
                    .mapToObj(e -> Arrays.stream(found.ranksOf(e)).boxed().toList())
                    .toList()));
        }
        return new ExpertGroups(places);
    }
}
