package io.maseparation.parallel.cluster;

import io.maseparation.kernels.DataType;
import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.Operation;
import io.maseparation.kernels.operations.Projection;
import java.util.ArrayList;
import java.util.IntSummaryStatistics;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Products of a single row where the library has a kernel of its own for them, as on A100: each output is a chain along
 * the inputs, so narrow products take as long as their inputs, and wide ones as the matrix needs to be read besides.
 */
final class SingleRows {
    /** Weight of the law itself beside measured shapes, as of products of more rows. */
    private static final double FIT = 3;

    private final Roofline base;
    private final Law law;
    private final KernelTable table;
    private final int fewestInputs;
    private final int mostInputs;

    /**
     * How the kernel's time follows from its shape.
     *
     * @param fixedSeconds time without inputs
     * @param secondsPerInput time of one more input, however many outputs there are
     * @param bandwidthEfficiency share of the peak bandwidth at which the matrix is read
     */
    record Law(double fixedSeconds, double secondsPerInput, double bandwidthEfficiency) {}

    /**
     * @param base peaks, and the rooflines of products of any number of rows
     * @param law the law that times are compared with
     * @param seconds measured times, by inputs and then by outputs
     */
    SingleRows(Roofline base, Law law, Map<Integer, Map<Integer, Double>> seconds) {
        this.base = base;
        this.law = law;
        IntSummaryStatistics inputsMeasured = seconds.keySet().stream().mapToInt(inputs -> inputs).summaryStatistics();
        fewestInputs = inputsMeasured.getMin();
        mostInputs = inputsMeasured.getMax();
        List<KernelTable.Curve> curves = new ArrayList<>();
        seconds.forEach((inputs, times) -> {
            TreeMap<Double, Double> factors = new TreeMap<>();
            times.forEach((outputs, time) -> factors.put((double) outputs, time / seconds(outputs, inputs)));
            curves.add(KernelTable.Curve.of(new double[] {inputs}, factors));
        });
        table = new KernelTable(curves, FIT);
    }

    /**
     * By the law. Chains are as long as some that were measured: nothing says that they may be shorter, and longer ones
     * can be split.
     */
    private double seconds(int outputs, int inputs) {
        return law.fixedSeconds() + Math.clamp(inputs, fewestInputs, mostInputs) * law.secondsPerInput()
                + Projection.cost(1, outputs, inputs, DataType.BF16).bytes(2)
                        / (base.bytesPerSecond() * law.bandwidthEfficiency());
    }

    /** {@return time ÷ what the roofline of products says} */
    double factor(int outputs, int inputs) {
        OpCost cost = Projection.cost(1, outputs, inputs, DataType.BF16);
        double roofline = base.fixedSeconds(Operation.PROJECTION)
                + base.workSeconds(Operation.PROJECTION, (double) cost.bytes(2), (double) cost.flops());
        return table.factor(new double[] {inputs}, outputs) * seconds(outputs, inputs) / roofline;
    }

    /** {@return a bound that no shape's factor is below} */
    double least() {
        KernelFit roofline = base.fit(Operation.PROJECTION);
        // A row has no more operations than its matrix has bytes.
        double operations = base.bytesPerSecond() * roofline.bandwidthEfficiency()
                / (base.flopsPerSecond() * roofline.flopsEfficiency());
        return table.least() * Math.min(
                (law.fixedSeconds() + fewestInputs * law.secondsPerInput()) / roofline.fixedSeconds(),
                roofline.bandwidthEfficiency()
                        / (law.bandwidthEfficiency() * roofline.workSeconds(
                                roofline.bandwidthEfficiency(), operations * roofline.flopsEfficiency())));
    }

    /** {@return what was measured, as factors of the law} */
    KernelTable table() {
        return table;
    }
}
