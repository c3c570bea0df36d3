package io.maseparation.moe;

import static io.maseparation.moe.Complaints.assertComplains;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.maseparation.kernels.Activation;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.Routing;
import io.maseparation.kernels.WeightMatrix;
import io.maseparation.moe.ModelConfig.QkNorm;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ForkJoinPool;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class RandomWeightsTest {
    /** Odd sizes, and everything that a model may have. */
    private static ModelConfig everything(DataType type) {
        Routing sparse = new Routing(5, 2, Routing.Rule.SOFTMAX_THEN_TOP_K, true, Routing.Extra.SIGMOID_GATE);
        Routing dense = new Routing(0, 0, Routing.Rule.SOFTMAX_THEN_TOP_K, false, Routing.Extra.ALWAYS);
        return new ModelConfig(
                "everything", "preset", 37, new ModelConfig.Vocabulary(101, false, List.of()),
                new ModelConfig.Attention(new ModelConfig.Heads(6, 3, 10), 64, new Rope(10_000, 1), 0.3f,
                        QkNorm.PER_HEAD, true, true, 3),
                new ModelConfig.FeedForward(Activation.SILU, true), ModelConfig.Numerics.of(type, 1e-5f),
                List.of(new ModelConfig.Layer(sparse, 23, 11, 0), new ModelConfig.Layer(dense, 0, 31, 4)));
    }

    private static List<WeightMatrix> matrices(ModelWeights weights) {
        List<WeightMatrix> all = new ArrayList<>(List.of(weights.embedding(), weights.output()));
        for (LayerWeights layer : weights.layers()) {
            all.addAll(List.of(layer.attention().q(), layer.attention().k(), layer.attention().v(),
                    layer.attention().o()));
            layer.experts().forEach(e -> all.addAll(List.of(e.gate(), e.up(), e.down())));
            if (layer.extra() != null) {
                all.addAll(List.of(layer.extra().gate(), layer.extra().up(), layer.extra().down()));
            }
        }
        return all;
    }

    private static double[][] values(ModelWeights weights) {
        return matrices(weights).stream()
                .map(m -> {
                    double[] values = new double[m.rows() * m.cols()];
                    ExactMatrix reader = new ExactMatrix(m);
                    for (int r = 0; r < m.rows(); r++) {
                        System.arraycopy(reader.row(r), 0, values, r * m.cols(), m.cols());
                    }
                    return values;
                })
                .toArray(double[][]::new);
    }

    @ParameterizedTest
    @EnumSource(DataType.class)
    void aSeedGivesTheSameWeightsOnAnyNumberOfThreads(DataType type) throws InterruptedException, ExecutionException {
        ModelConfig config = everything(type);
        ModelWeights weights = RandomWeights.create(config, 5);
        double[][] values = values(weights);
        try (ForkJoinPool one = new ForkJoinPool(1)) {
            double[][] again = one.submit(() -> values(RandomWeights.create(config, 5))).get();
            assertThat(Arrays.deepEquals(again, values)).isTrue();
        }
        assertThat(weights.bytes()).isEqualTo(ModelSize.of(config).weightBytes());
        double[][] others = values(RandomWeights.create(config, 6));
        for (int m = 0; m < values.length; m++) {
            assertThat(others[m]).isNotEqualTo(values[m]);
            for (int n = 0; n < m; n++) {
                assertThat(values[m]).as("matrices %d and %d", m, n).isNotEqualTo(values[n]);
            }
        }
    }

    /** A rank's part: its matrices are those of the whole model, and the others are not numbers. */
    @ParameterizedTest
    @EnumSource(DataType.class)
    void aPartHasTheSameWeightsAndNothingElse(DataType type) {
        ModelConfig config = everything(type);
        Wanted part = new Wanted() {
            @Override
            public boolean embedding() {
                return false;
            }

            @Override
            public boolean output() {
                return true;
            }

            @Override
            public boolean attention(int layer) {
                return layer == 1;
            }

            @Override
            public boolean expert(int layer, int expert) {
                return expert == 0 || expert == 2 || expert == 3;
            }

            @Override
            public boolean extra(int layer) {
                return layer == 0;
            }
        };
        ModelWeights all = RandomWeights.create(config, 5);
        ModelWeights some = RandomWeights.create(config, 5, part);
        double[][] expected = values(all);
        double[][] values = values(some);
        // Embedding, output; projections, experts and extra of the first layer; projections and extra of the second.
        String here = "01" + "0000" + "111000111111000" + "111" + "1111" + "000";
        assertThat(values).hasNumberOfRows(here.length());
        for (int m = 0; m < values.length; m++) {
            if (here.charAt(m) == '1') {
                assertThat(values[m]).as("matrix %d", m).isEqualTo(expected[m]);
            } else {
                assertThat(values[m]).as("matrix %d", m).hasSize(expected[m].length).containsOnly(Double.NaN);
            }
        }
        assertThat(some.layers().getFirst().router()).isNotNull();
        assertThat(some.layers().getFirst().experts().banks()).hasSize(4);
    }

    @ParameterizedTest
    @EnumSource(DataType.class)
    void matricesHaveTheDeviationTheyShould(DataType type) {
        ModelWeights weights = RandomWeights.create(everything(type), 1);
        for (WeightMatrix matrix : matrices(weights)) {
            double sum = 0;
            double squares = 0;
            ExactMatrix reader = new ExactMatrix(matrix);
            int n = matrix.rows() * matrix.cols();
            for (int i = 0; i < n; i++) {
                double v = reader.get(i / matrix.cols(), i % matrix.cols());
                sum += v;
                squares += v * v;
            }
            double deviation = matrix.equals(weights.embedding()) ? 1 : 1 / Math.sqrt(matrix.cols());
            assertThat(sum / n / deviation).isCloseTo(0, within(5 / Math.sqrt(n)));
            assertThat(Math.sqrt(squares / n) / deviation).isCloseTo(1, within(4 / Math.sqrt(n)));
        }
    }

    @Test
    void logitsAreOfTheOrderOfOneAndExpertsAllUsed() {
        ModelConfig config = Presets.config("tiny");
        Reference.Trace trace = new Reference(RandomWeights.create(config, 3))
                .trace(new SplittableRandom(1).ints(64, 0, config.vocab()).toArray(), 64);
        double squares = 0;
        for (double[] row : trace.logits()) {
            squares += Arrays.stream(row).map(v -> v * v).sum() / row.length / trace.logits().length;
        }
        assertThat(Math.sqrt(squares)).isBetween(0.3, 3.0);
        for (int[][] layer : trace.experts()) {
            int[] counts = new int[8];
            Arrays.stream(layer).flatMapToInt(Arrays::stream).forEach(e -> counts[e]++);
            assertThat(Arrays.stream(counts).max().orElseThrow()).isLessThan(3 * 64 * 2 / 8);
            assertThat(Arrays.stream(counts).min().orElseThrow()).isPositive();
        }
    }

    @Test
    void expertsOfALayerShareAnArray() {
        LayerWeights layer = RandomWeights.create(Presets.config("tiny"), 1).layers().getFirst();
        assertThat(layer.experts()).hasSize(8)
                .allSatisfy(e -> assertThat(e.up().data()).isSameAs(layer.experts().getFirst().up().data()));
    }

    @Test
    void complainsWhenMemoryIsShort() {
        assertComplains(
                () -> RandomWeights.create(Presets.config("mixtral-8x7b"), 1),
                "not enough memory for the weights of mixtral-8x7b", "it needs 87.0 GiB", "'model'");
    }
}
