package io.maseparation.parallel.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class PercentilesTest {
    @Test
    void theMedianOfTwoValuesIsTheirMean() {
        assertThat(Percentiles.of(new double[] {3, 1}, 50)).isEqualTo(2);
    }

    @Test
    void valuesBetweenRanksAreInterpolated() {
        double[] values = {40, 10, 30, 20, 50};
        assertThat(Percentiles.of(values, 0)).isEqualTo(10);
        assertThat(Percentiles.of(values, 25)).isEqualTo(20);
        assertThat(Percentiles.of(values, 90)).isCloseTo(46, within(1e-12));
        assertThat(Percentiles.of(values, 100)).isEqualTo(50);
        assertThat(values).containsExactly(40, 10, 30, 20, 50);
    }

    @Test
    void percentilesNeitherFallNorLeaveTheRange() {
        SplittableRandom random = new SplittableRandom(1);
        for (int n = 1; n < 40; n++) {
            double[] values = random.doubles(n).toArray();
            double before = Arrays.stream(values).min().orElseThrow();
            for (int p = 0; p <= 100; p++) {
                double value = Percentiles.of(values, p);
                assertThat(value).isGreaterThanOrEqualTo(before);
                before = value;
            }
            assertThat(before).isEqualTo(Arrays.stream(values).max().orElseThrow());
        }
    }

    @Test
    void thereIsNoneOfNothingAndNoneOutsideTheRange() {
        assertThat(Percentiles.of(new double[0], 50)).isNaN();
        assertThatThrownBy(() -> Percentiles.of(new double[] {1}, 101)).hasMessageContaining("101");
        assertThatThrownBy(() -> Percentiles.of(new double[] {1}, Double.NaN)).hasMessageContaining("NaN");
    }

    @Test
    void theMedianRunIsOneThatRan() {
        assertThat(Percentiles.medianRun(List.of(5.0, 1.0, 3.0), d -> d)).isEqualTo(3);
        assertThat(Percentiles.medianRun(List.of(4.0, 1.0, 3.0, 2.0), d -> d)).isEqualTo(2);
        assertThat(Percentiles.medianRun(List.of("only"), String::length)).isEqualTo("only");
    }
}
