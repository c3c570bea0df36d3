package io.maseparation.parallel.calibrate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.Test;

class HostFitTest {
    @Test
    void tellsTheStartOfASegmentFromThatOfATask() {
        HostFit fit = HostFit.of(List.of(sample(13, 1e-2), sample(12, 1e-3), sample(4, 3e-3), sample(3, 5e-3)));
        assertThat(fit.startSeconds()).isEqualTo(7e-5, within(1e-9));
        assertThat(fit.launchSeconds()).isEqualTo(4.5e-5, within(1e-9));
    }

    @Test
    void aLongSegmentSaysLittle() {
        // A tenth of its kernels' time more or less is more than all launches.
        HostFit.Sample off = new HostFit.Sample(12, 7e-5 + 12 * 4.5e-5 + 1e-2, 1e-1);
        HostFit fit = HostFit.of(List.of(sample(13, 1e-3), sample(4, 1e-3), off));
        assertThat(fit.launchSeconds()).isEqualTo(4.5e-5, within(2e-6));
    }

    @Test
    void segmentsOfOneLengthAreAllLaunches() {
        HostFit fit = HostFit.of(List.of(new HostFit.Sample(10, 1e-3, 2e-3), new HostFit.Sample(10, 1e-3, 4e-3)));
        assertThat(fit.startSeconds() + 10 * fit.launchSeconds()).isEqualTo(1e-3, within(1e-9));
        assertThat(fit.startSeconds()).isNotNegative();
    }

    @Test
    void nothingIsNegative() {
        HostFit fit = HostFit.of(List.of(new HostFit.Sample(13, -1e-4, 1e-2), new HostFit.Sample(4, -2e-4, 1e-2)));
        assertThat(fit.startSeconds()).isNotNegative();
        assertThat(fit.launchSeconds()).isNotNegative();
    }

    private static HostFit.Sample sample(int tasks, double kernels) {
        double host = 7e-5 + tasks * 4.5e-5;
        return new HostFit.Sample(tasks, host, host + kernels);
    }
}
