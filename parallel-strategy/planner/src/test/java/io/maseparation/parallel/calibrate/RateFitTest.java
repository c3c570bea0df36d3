package io.maseparation.parallel.calibrate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.maseparation.parallel.calibrate.RateFit.Sample;
import io.maseparation.parallel.cluster.OperationRate;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import net.jqwik.api.Assume;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

class RateFitTest {

    /** Times that follow the model, with noise: the fit predicts executions that it has not seen. */
    @Property(tries = 100)
    void predictsWhatFollowsTheModel(@ForAll long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        double bandwidth = Math.pow(10, 9 + 2 * random.nextDouble());
        OperationRate truth = new OperationRate(
                1e-5 * random.nextDouble(), bandwidth, bandwidth * Math.pow(10, -1 + 2 * random.nextDouble()), 0);
        List<Sample> seen = new ArrayList<>();
        for (int i = 0; i < 60; i++) {
            seen.add(sample(random, truth, 0.1));
        }
        // A limit that one or two of sixty noisy samples meet cannot be told from them.
        long computing = seen.stream()
                .filter(s -> s.flops() / truth.flopsPerSecond() > s.bytes() / truth.bytesPerSecond())
                .count();
        Assume.that(computing >= 3 && computing <= 57);
        Calibration.Fit fit = RateFit.of(seen);
        assertThat(fit.samples()).isEqualTo(60);
        assertThat(fit.medianError()).isLessThan(0.1);
        double worst = 0;
        for (int i = 0; i < 60; i++) {
            Sample fresh = sample(random, truth, 0);
            worst = Math.max(worst, Math.abs(RateFit.seconds(fit.rate(), fresh) / fresh.seconds() - 1));
        }
        assertThat(worst).isLessThan(0.4);
    }

    private static Sample sample(SplittableRandom random, OperationRate truth, double noise) {
        double bytes = Math.pow(10, 4 + 3 * random.nextDouble());
        double flops = bytes * Math.pow(10, -1 + 2 * random.nextDouble());
        double seconds = RateFit.seconds(truth, new Sample(bytes, flops, 0, 0));
        return new Sample(bytes, flops, 0, seconds * (1 + noise * (2 * random.nextDouble() - 1)));
    }

    /**
     * Few rows of decode attention leave most of a GPU idle and take as long as their positions, one after the other.
     */
    @Test
    void positionsAreALimitOfTheirOwn() {
        OperationRate truth = new OperationRate(1e-5, 2e12, 1e15, 2.5e-7);
        List<Sample> seen = new ArrayList<>();
        for (int context : new int[] {32, 2048}) {
            for (int rows = 1; rows <= 48; rows += rows < 4 ? 1 : 4) {
                double bytes = 32768.0 * rows * context;
                double seconds = RateFit.seconds(truth, new Sample(bytes, bytes / 2, context, 0));
                seen.add(new Sample(bytes, bytes / 2, context, seconds));
            }
        }
        OperationRate rate = RateFit.of(seen).rate();
        assertThat(rate.secondsPerPosition()).isEqualTo(2.5e-7, within(1e-8));
        assertThat(rate.bytesPerSecond()).isEqualTo(2e12, within(2e11));
        seen.forEach(s -> assertThat(RateFit.seconds(rate, s)).isEqualTo(s.seconds(), within(0.1 * s.seconds())));
    }

    @Test
    void whatHasNothingToDoIsAllLaunch() {
        Calibration.Fit fit =
                RateFit.of(List.of(new Sample(0, 0, 0, 2e-6), new Sample(0, 0, 0, 2e-6), new Sample(0, 0, 0, 3e-6)));
        assertThat(fit.rate().launchSeconds()).isEqualTo(2e-6, within(2e-7));
    }
}
