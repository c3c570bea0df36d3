package io.maseparation.moe;

import static io.maseparation.moe.Complaints.assertComplains;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

class SamplerTest {
    private static final float[] LOGITS = {(float) Math.log(0.1), (float) Math.log(0.5), (float) Math.log(0.15),
        (float) Math.log(0.25)};

    private static double[] frequencies(Sampler sampler) {
        double[] counts = new double[LOGITS.length];
        int n = 20_000;
        for (int i = 0; i < n; i++) {
            counts[sampler.sample(LOGITS, 0, LOGITS.length, i % 7, i / 7)] += 1.0 / n;
        }
        return counts;
    }

    @Test
    void greedyTakesTheLowestOfEquals() {
        float[] logits = {9, 1, 3, 3, 2, 9};
        assertThat(Sampler.greedy().sample(logits, 1, 4, 0, 0)).isEqualTo(1);
        assertThat(Sampler.greedy().sample(FloatArray.fromArray(logits), 1, 4, 0, 0)).isEqualTo(1);
    }

    @Test
    void samplesByProbability() {
        assertThat(frequencies(new Sampler(1, 1, 3))).containsExactly(new double[] {0.1, 0.5, 0.15, 0.25},
                within(0.015));
    }

    @Test
    void temperatureSharpens() {
        double sum = 0.01 + 0.25 + 0.0225 + 0.0625;
        assertThat(frequencies(new Sampler(0.5, 1, 3)))
                .containsExactly(new double[] {0.01 / sum, 0.25 / sum, 0.0225 / sum, 0.0625 / sum}, within(0.015));
        assertThat(frequencies(new Sampler(1e-4, 1, 3))).containsExactly(new double[] {0, 1, 0, 0}, within(1e-9));
    }

    @Test
    void topPKeepsTheFewestThatReachIt() {
        assertThat(frequencies(new Sampler(1, 0.74, 3)))
                .containsExactly(new double[] {0, 2 / 3.0, 0, 1 / 3.0}, within(0.015));
        assertThat(frequencies(new Sampler(1, 1e-9, 3))).containsExactly(new double[] {0, 1, 0, 0}, within(1e-9));
    }

    @Test
    void dependsOnSeedSequenceAndStepOnly() {
        Sampler sampler = new Sampler(1, 0.99, 11);
        int[] forwards = IntStream.range(0, 300).map(i -> sampler.sample(LOGITS, 0, 4, i / 100, i % 100)).toArray();
        int[] backwards = IntStream.range(0, 300)
                .map(i -> 299 - i)
                .map(i -> new Sampler(1, 0.99, 11).sample(LOGITS, 0, 4, i / 100, i % 100))
                .toArray();
        for (int i = 0; i < 300; i++) {
            assertThat(backwards[299 - i]).isEqualTo(forwards[i]);
        }
        assertThat(IntStream.range(0, 100).filter(i -> forwards[i] == forwards[100 + i]).count()).isLessThan(70);
        assertThat(IntStream.range(0, 100)
                .filter(i -> forwards[i] == new Sampler(1, 0.99, 12).sample(LOGITS, 0, 4, 0, i))
                .count())
                .isLessThan(70);
    }

    @Test
    void complainsOfWhatCannotBeSampled() {
        assertComplains(() -> new Sampler(-1, 1, 0), "temperature");
        assertComplains(() -> new Sampler(Double.NaN, 1, 0), "temperature");
        assertComplains(() -> new Sampler(1, 0, 0), "top-p");
        assertComplains(() -> new Sampler(1, 1.1, 0), "top-p");
        assertComplains(() -> Sampler.greedy().sample(new float[] {1, Float.NaN}, 0, 2, 3, 4), "sequence 3, step 4");
        assertThat(new Sampler(1, 0.5, 0).sample(new float[] {1, Float.POSITIVE_INFINITY}, 0, 2, 0, 0)).isEqualTo(1);
    }
}
