package io.maseparation.parallel.studies.paper;

import io.maseparation.parallel.layout.Layout;

/** The numbers of the paper's abstract and results, as they are printed there: what is claimed, and nothing else. */
final class Paper {
    static final int DEVICES = 16;
    static final int CONTEXT = 2048;
    /** TPS × TPOT, which the paper does not name. */
    static final int BATCH = 24;
    static final int ATTENTION_DEVICES = 12;
    static final int EXPERT_DEVICES = 4;
    /** The layout that the paper calls best, 3:1. */
    static final Layout THREE_TO_ONE = Layout.separated(ATTENTION_DEVICES, EXPERT_DEVICES);
    /** What the paper compares it with. */
    static final Layout BASELINE = Layout.tensorPipeline(8, 2);
    static final double BASELINE_TPOT_MS = 2.76;
    static final double TPOT_MS = 1.82;
    /** Half of the last digit of a TPOT. */
    static final double TPOT_ROUNDING_MS = 0.005;
    static final double BASELINE_TPS = 8696;
    static final double TPS = 13_289;
    static final double TPOT_CHANGE = -0.342;
    static final double TPS_CHANGE = 0.528;
    static final double UTILISATION = 0.897;
    static final double BASELINE_UTILISATION = 0.712;
    static final double MEMORY_EFFICIENCY = 0.854;
    static final double BASELINE_MEMORY_EFFICIENCY = 0.741;
    static final double SCALING_EFFICIENCY = 0.87;

    private Paper() {}

    /** Whether a point is of the ratio that the paper calls best. */
    static boolean isThreeToOne(Point point) {
        return point.setup().layout().hasRatio(ATTENTION_DEVICES, EXPERT_DEVICES);
    }
}
