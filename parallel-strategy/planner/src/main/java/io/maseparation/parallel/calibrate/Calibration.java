package io.maseparation.parallel.calibrate;

import io.maseparation.kernels.Operation;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.OperationRate;
import java.util.Map;
import java.util.Optional;

/**
 * A cost profile of this machine's devices, measured with one model's shapes.
 *
 * @param cluster the devices, all of them driven by threads of this host
 * @param fits each operation's rate, and how well it fits the measurements
 * @param split where the time of a step goes, on devices with memory of their own; otherwise empty
 */
public record Calibration(Cluster cluster, Map<Operation, Fit> fits, Optional<StepSplit> split) {

    /**
     * What was found for one operation.
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
     * @param kernelMs time of its tasks on the device, as the profiler reports it
     * @param transferMs time of transfers between host and device, from their bytes and a measured rate
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
        /** {@return time of the step that is neither in tasks nor in transfers, in milliseconds} */
        public double hostMs() {
            return stepMs - kernelMs - transferMs;
        }

        /**
         * {@return bytes moved, of what memory could move in the step's time}
         *
         * @param bytesPerSecond what memory moves at most
         */
        public double mbu(double bytesPerSecond) {
            return bytesMoved / (stepMs / 1e3 * bytesPerSecond);
        }
    }
}
