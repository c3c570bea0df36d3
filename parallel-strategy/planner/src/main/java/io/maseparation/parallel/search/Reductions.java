package io.maseparation.parallel.search;

import io.maseparation.parallel.layout.Op;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.RankPlan;
import io.maseparation.parallel.layout.Tensor;
import io.maseparation.parallel.simulate.CollectiveTimes;
import io.maseparation.parallel.simulate.Scenario;
import java.util.List;

/**
 * A rank's all-reduces in a step, all of them over one group.
 *
 * @param devices of the group; empty without any
 * @param partials how many are of rows
 * @param sums how many are of sums of squares
 * @param rowBytes bytes of a row
 * @param times of collectives
 */
record Reductions(List<Integer> devices, int partials, int sums, double rowBytes, CollectiveTimes times) {
    static Reductions of(RankPlan rank, Plan plan, Scenario scenario, CollectiveTimes times) {
        List<Integer> group = List.of();
        int partials = 0;
        int sums = 0;
        for (Op op : rank.program()) {
            if (op instanceof Op.AllReduce reduce && reduce.group().size() > 1) {
                group = reduce.group();
                if (reduce.tensor() == Tensor.SUMS) {
                    sums++;
                } else {
                    partials++;
                }
            }
        }
        return new Reductions(
                group.stream().map(plan.devices()::get).toList(), partials, sums,
                (double) plan.config().hidden() * scenario.conditions().activationBytes(), times);
    }

    /** Seconds of all of them for some rows. */
    double seconds(int rows) {
        return partials * seconds(Tensor.PARTIAL, rows) + sums * seconds(Tensor.SUMS, rows);
    }

    /** Seconds of one of them. */
    double seconds(Tensor tensor, int rows) {
        return devices.isEmpty() || rows == 0
                ? 0
                : times.allReduceSeconds(devices, tensor == Tensor.SUMS ? 8.0 * rows : rows * rowBytes);
    }
}
