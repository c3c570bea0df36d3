package io.maseparation.parallel.calibrate;

import io.maseparation.kernels.Operation;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.OperationRate;
import java.util.Map;

/**
 * A cost profile of this machine's embedded devices, measured with one model's shapes.
 *
 * @param cluster as many devices as asked for, all of them threads of this host
 * @param fits how well each operation's rate fits its measurements
 */
public record Calibration(Cluster cluster, Map<Operation, Fit> fits) {

    /**
     * One operation.
     *
     * @param rate its rate
     * @param medianError median of |fitted ÷ measured − 1|
     * @param samples executions measured, each the mean of several
     */
    public record Fit(OperationRate rate, double medianError, int samples) {}
}
