package io.maseparation.moe.segments;

import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.kernels.ExpertWeights;
import io.maseparation.kernels.WeightMatrix;
import io.maseparation.moe.ExactMatrix;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.Presets;
import io.maseparation.moe.RandomWeights;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ShardWeightsTest {
    private static final ModelConfig CONFIG = Presets.config("tiny");
    private static final ModelWeights WEIGHTS = RandomWeights.create(CONFIG, 3);

    private static Shard shard(int headSlices, List<Integer> experts, int widthSlices, int vocabularyFrom) {
        int layers = CONFIG.layers().size();
        return new Shard(
                0,
                layers,
                Optional.of(Shard.Heads.slice(CONFIG, headSlices - 1, headSlices)),
                Optional.of(new Shard.Experts(
                        IntStream.range(0, layers).mapToObj(l -> experts).toList(), true, widthSlices - 1,
                        widthSlices)),
                false,
                Optional.of(new Shard.Vocabulary(vocabularyFrom, CONFIG.vocab())));
    }

    private static List<WeightMatrix> matrices(ShardWeights share) {
        List<WeightMatrix> all = new ArrayList<>(List.of(share.output()));
        for (int layer = 0; layer < CONFIG.layers().size(); layer++) {
            ShardWeights.Attention attention = share.attention(layer);
            all.addAll(List.of(attention.q(), attention.k(), attention.v(), attention.o()));
            for (ExpertWeights expert : share.experts(layer)) {
                all.addAll(expert.matrices());
            }
        }
        return all;
    }

    private static void assertEqual(WeightMatrix actual, WeightMatrix expected) {
        assertThat(List.of(actual.rows(), actual.cols())).isEqualTo(List.of(expected.rows(), expected.cols()));
        ExactMatrix a = new ExactMatrix(actual);
        ExactMatrix e = new ExactMatrix(expected);
        for (int row = 0; row < actual.rows(); row++) {
            for (int col = 0; col < actual.cols(); col++) {
                assertThat(a.get(row, col)).isEqualTo(e.get(row, col));
            }
        }
    }

    @Test
    void partsOfArraysBecomeArraysOfTheirOwn() {
        Shard shard = shard(2, List.of(3, 0), 2, 100);
        List<WeightMatrix> views = matrices(ShardWeights.of(WEIGHTS, shard, false));
        List<WeightMatrix> own = matrices(ShardWeights.of(WEIGHTS, shard, true));

        assertThat(own).hasSameSizeAs(views);
        for (int i = 0; i < own.size(); i++) {
            assertEqual(own.get(i), views.get(i));
            assertThat(own.get(i).data()).isNotSameAs(views.get(i).data());
        }
        long arrays = own.stream().map(WeightMatrix::data).distinct()
                .mapToLong(d -> (long) d.getSize() * CONFIG.weightType().bytes()).sum();
        assertThat(arrays).isEqualTo(own.stream().mapToLong(WeightMatrix::bytes).sum());
    }

    @Test
    void expertsLieSideBySideSoThatOneTaskServesThem() {
        ShardWeights share = ShardWeights.of(WEIGHTS, shard(1, List.of(3, 0), 1, 0), true);

        assertThat(share.experts(0).select(List.of(0, 1)).banks()).hasSize(1);
    }

    @Test
    void wholeArraysAreNotCopied() {
        int experts = CONFIG.layers().getFirst().routing().experts();
        Shard shard = shard(1, IntStream.range(0, experts).boxed().toList(), 1, 0);
        List<WeightMatrix> views = matrices(ShardWeights.of(WEIGHTS, shard, false));
        List<WeightMatrix> own = matrices(ShardWeights.of(WEIGHTS, shard, true));

        for (int i = 0; i < own.size(); i++) {
            assertThat(own.get(i).data()).isSameAs(views.get(i).data());
        }
    }
}
