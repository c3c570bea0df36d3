package io.maseparation.parallel.cli;

import io.maseparation.kernels.DataType;
import io.maseparation.parallel.adapt.Adaptation;
import io.maseparation.parallel.adapt.ChangeRule;
import io.maseparation.parallel.adapt.Orders;
import io.maseparation.parallel.change.Changes;
import io.maseparation.parallel.change.LayoutPolicy;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.Clusters;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.PlanFile;
import io.maseparation.parallel.simulate.Conditions;
import java.io.File;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.commons.cli.Option;

/** Layouts that change in the middle of a run. */
final class ChangeFlags {
    static final String CHANGE_AT = "change-at";
    private static final String REBALANCE = "rebalance";
    private static final String ELASTIC = "elastic";
    private static final String INTERVAL = "rebalance-interval";
    private static final String HORIZON = "rebalance-horizon";
    private static final String REDUNDANT = "redundant-experts";
    private static final String CLUSTER = "cluster";
    private static final Pattern ORDER = Pattern.compile("(\\d{1,9})=(.+)");
    private static final Pattern RATIO = Pattern.compile("(\\d{1,5}):(\\d{1,5})");

    private ChangeFlags() {}

    static void add(OptionList options) {
        options.flag(REBALANCE, "ma: move experts and sequences between steps where that is predicted to pay");
        options.flag(ELASTIC, "ma: turn attention devices into expert devices and back where that is predicted to pay");
        options.value(INTERVAL, "N", "steps from one look to the next; changes are at least as far apart ["
                + ChangeRule.Settings.DEFAULT_INTERVAL + "]");
        options.value(HORIZON, "N",
                "most steps that the gain of a change is counted over [" + ChangeRule.Settings.DEFAULT_HORIZON
                        + "]");
        options.value(REDUNDANT, "N",
                "places per layer, over all expert devices, where --rebalance may put replicas of experts [0]");
        options.value(CLUSTER, "NAME|FILE",
                "what gains and costs are predicted on, such as a profile that ma calibrate wrote [as many a100"
                        + " as the layout has devices]");
        options.value(CHANGE_AT, "STEP=LAYOUT",
                "ma: change after STEP decode steps, whatever it costs, to a ratio (8=1:2), a plan file, or to"
                        + " evened-out experts or sequences (8=experts, 8=sequences); can be given several times");
    }

    /**
     * What was asked for.
     *
     * @param layout that the run begins with
     * @param devices number of devices it names
     * @throws UsageException if it has no such changes
     */
    static Changes read(Arguments arguments, Layout layout, int devices, DataType kvType) {
        for (String flag : List.of(REBALANCE, ELASTIC, CHANGE_AT)) {
            if (arguments.has(flag) && !(layout instanceof Layout.Separated)) {
                throw new UsageException("--%s needs --strategy ma; the strategy is %s"
                        .formatted(flag, layout.strategy().id()));
            }
        }
        boolean rebalance = arguments.has(REBALANCE);
        boolean elastic = arguments.has(ELASTIC);
        for (String flag : List.of(INTERVAL, HORIZON, CLUSTER)) {
            if (arguments.has(flag) && !rebalance && !elastic) {
                throw new UsageException("--%s needs --%s or --%s".formatted(flag, REBALANCE, ELASTIC));
            }
        }
        if (arguments.has(REDUNDANT) && !rebalance) {
            throw new UsageException("--%s needs --%s".formatted(REDUNDANT, REBALANCE));
        }
        Optional<LayoutPolicy> policy = Optional.empty();
        if (rebalance || elastic) {
            Cluster cluster = arguments.named(CLUSTER, "a100x" + devices, Clusters::named);
            if (cluster.size() < devices) {
                throw new UsageException("--%s %s has %d devices, the layout uses %d"
                        .formatted(CLUSTER, cluster.name(), cluster.size(), devices));
            }
            policy = Optional.of(new Adaptation(
                    cluster,
                    Conditions.USUAL.withFormats(kvType, Float.BYTES),
                    new Adaptation.Reach(
                            rebalance, rebalance, elastic, arguments.integer(REDUNDANT, 0, 0, 1 << 16)),
                    ChangeRule.Settings.of(
                            arguments.integer(
                                    INTERVAL, ChangeRule.Settings.DEFAULT_INTERVAL, 1, Integer.MAX_VALUE),
                            arguments.integer(
                                    HORIZON, ChangeRule.Settings.DEFAULT_HORIZON, 1, Integer.MAX_VALUE))));
        }
        List<Changes.Ordered> ordered = new ArrayList<>();
        for (Option option : arguments.inOrder(CHANGE_AT)) {
            Changes.Ordered order = order(option.getValue());
            if (ordered.stream().anyMatch(o -> o.step() == order.step())) {
                throw new UsageException("--%s: there are two changes at step %d".formatted(CHANGE_AT, order.step()));
            }
            ordered.add(order);
        }
        return new Changes(ordered, policy, Changes.NONE.patience());
    }

    private static Changes.Ordered order(String text) {
        Matcher order = ORDER.matcher(text);
        if (!order.matches()) {
            throw new UsageException("--%s: '%s' is not STEP=LAYOUT, such as 8=1:2".formatted(CHANGE_AT, text));
        }
        int step = Integer.parseInt(order.group(1));
        String layout = order.group(2);
        Matcher ratio = RATIO.matcher(layout);
        if (ratio.matches()) {
            int attention = Integer.parseInt(ratio.group(1));
            int experts = Integer.parseInt(ratio.group(2));
            if (attention < 1 || experts < 1) {
                throw new UsageException("--%s: %s leaves a pool without devices".formatted(CHANGE_AT, layout));
            }
            return Orders.ratio(step, attention, experts);
        }
        return switch (layout) {
            case "experts" -> Orders.experts(step, 0);
            case "sequences" -> Orders.sequences(step);
            default -> {
                if (!new File(layout).isFile()) {
                    throw new UsageException(
                            "--%s: '%s' is not a ratio such as 1:2, a plan file, experts or sequences"
                                    .formatted(CHANGE_AT, layout));
                }
                yield Orders.plan(step, PlanFile.read(Path.of(layout)));
            }
        };
    }
}
