package io.maseparation.parallel.calibrate;

import io.maseparation.kernels.Operation;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.OperationRate;
import java.util.Map;
import java.util.Optional;

/**
 * A cost profile of this machine's devices, measured with one model's shapes.
 *
 * @param cluster as many devices as asked for, all of them driven by threads of this host
 * @param fits how well each operation's rate fits its measurements
 * @param split where the time of a step goes, on devices with a memory of their own
 */
public record Calibration(Cluster cluster, Map<Operation, Fit> fits, Optional<StepSplit> split) {

    /**
     * One operation.
     *
     * @param rate its rate
     * @param medianError median of |fitted ÷ measured − 1|
     * @param samples executions measured, each the mean of several
     */
    public record Fit(OperationRate rate, double medianError, int samples) {}

    /**
     * A decode step of a single rank.
     *
     * @param rows sequences
     * @param context positions of each
     * @param tasks tasks launched
     * @param bytesMoved bytes of its operations: each one's inputs and outputs once
     * @param transferBytes bytes between host and device
     * @param stepMs time of its segments, without a profiler
     * @param kernelMs time of its tasks on the device, by the profiler
     * @param transferMs time of the data between host and device, by its bytes and a measured rate
     */
    public record StepSplit(
            int rows,
            int context,
            int tasks,
            double bytesMoved,
            long transferBytes,
            double stepMs,
            double kernelMs,
            double transferMs) {
        /** Time of the step that is neither. */
        public double hostMs() {
            return stepMs - kernelMs - transferMs;
        }
    }
}
