package io.maseparation.parallel.studies.policies;

import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.simulate.RoutingModel;
import java.util.Arrays;
import java.util.BitSet;

/**
 * Steps between two looks: which experts their rows choose, drawn once for all policies, and what was counted before.
 *
 * @param first first step
 * @param steps number of steps
 * @param context positions that tokens attend to, the same in all of these steps
 * @param routing choices, with steps counted from {@code first}
 * @param before for each layer and expert the rows in all steps before {@code first}
 * @param distinct for each step and layer the number of experts that any row chooses
 */
record TraceBlock(int first, int steps, int context, RoutingModel routing, long[][] before, int[][] distinct) {

    /**
     * Draws.
     *
     * @param counted for each layer and expert the rows of all steps before; those of these steps are added
     */
    static TraceBlock draw(PolicyScenario scenario, int first, int steps, long[][] counted) {
        ModelConfig config = scenario.config();
        int batch = scenario.first().batch();
        RoutingModel routing = scenario.first().routing().from(first).remembering(batch);
        long[][] before = Arrays.stream(counted).map(long[]::clone).toArray(long[][]::new);
        long[] rows = new long[batch];
        Arrays.setAll(rows, row -> row);
        int[][] distinct = new int[steps][config.layers().size()];
        for (int layer = 0; layer < config.layers().size(); layer++) {
            int topK = config.layers().get(layer).routing().topK();
            int experts = config.layers().get(layer).routing().experts();
            int[] chosen = new int[batch * topK];
            for (int step = 0; step < steps && topK > 0; step++) {
                routing.chooseAll(scenario.first().seed(), step, layer, rows, topK, chosen, experts);
                BitSet seen = new BitSet(experts);
                for (int expert : chosen) {
                    counted[layer][expert]++;
                    seen.set(expert);
                }
                distinct[step][layer] = seen.cardinality();
            }
        }
        return new TraceBlock(first, steps, scenario.context(first + steps / 2), routing, before, distinct);
    }

    /** Counts before a trace begins. */
    static long[][] nothing(ModelConfig config) {
        return config.layers().stream()
                .map(layer -> new long[layer.routing().experts()])
                .toArray(long[][]::new);
    }
}
