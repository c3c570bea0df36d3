package io.maseparation.parallel.execute;

import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.kernels.ExpertWeights;
import io.maseparation.kernels.WeightMatrix;
import io.maseparation.moe.LayerWeights;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelSize;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.RandomWeights;
import io.maseparation.moe.segments.Shard;
import io.maseparation.moe.segments.Shard.Heads;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.RankPlan;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/** What a rank is said to hold, by the model's shape, is what it does hold. */
class ShardBytesTest {
    @Property(tries = 200)
    void bytesByShapeAreThoseOfTheWeights(@ForAll long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        ModelConfig config = TestModels.random(random);
        ModelWeights weights = RandomWeights.create(config, seed);
        Layout layout = random.nextBoolean()
                ? RandomLayouts.split(random, config)
                : RandomLayouts.whole(random, config);
        Plan plan = Planning.plan(config, layout);
        for (RankPlan rank : plan.ranks()) {
            assertThat(rank.shard().weightBytes(config))
                    .as("rank %d of %s, %s", rank.rank(), layout, config)
                    .isEqualTo(bytes(weights, rank.shard()));
        }
    }

    @Property(tries = 50)
    void aSingleRankHoldsTheModel(@ForAll long seed) {
        ModelConfig config = TestModels.random(new SplittableRandom(seed));
        Plan plan = Planning.plan(config, Layout.single());
        assertThat(plan.ranks().getFirst().shard().weightBytes(config))
                .isEqualTo(ModelSize.of(config).weightBytes());
    }

    private static long bytes(ModelWeights weights, Shard shard) {
        ModelConfig config = weights.config();
        long bytes = shard.embedding() ? weights.embedding().bytes() : 0;
        for (int layer = shard.firstLayer(); layer < shard.endLayer(); layer++) {
            if (shard.attention().isPresent()) {
                bytes += attention(config, weights.layers().get(layer), shard.attention().get());
            }
            if (shard.experts().isPresent()) {
                bytes += shard.expertsOf(weights, layer).stream().mapToLong(ExpertWeights::bytes).sum();
            }
        }
        if (shard.output().isPresent()) {
            WeightMatrix output = weights.output();
            boolean shared = shard.embedding() && output.data().equals(weights.embedding().data());
            bytes += shared
                    ? 0
                    : output.rowRange(shard.output().get().from(), shard.output().get().to()).bytes();
            bytes += bytes(weights.finalNorm());
        }
        return bytes;
    }

    private static long attention(ModelConfig config, LayerWeights w, Heads heads) {
        int dim = config.headDim();
        long bytes = w.attention().q().rowRange(heads.queryFrom() * dim, heads.queryTo() * dim).bytes()
                + w.attention().k().rowRange(heads.kvFrom() * dim, heads.kvTo() * dim).bytes()
                + w.attention().v().rowRange(heads.kvFrom() * dim, heads.kvTo() * dim).bytes()
                + w.attention().o().colRange(heads.queryFrom() * dim, heads.queryTo() * dim).bytes();
        List<FloatArray> small = new ArrayList<>(List.of(w.inputNorm(), w.postNorm()));
        for (FloatArray array : new FloatArray[] {w.router(), w.extraGate(), w.attention().qNorm(),
            w.attention().kNorm()}) {
            if (array != null) {
                small.add(array);
            }
        }
        if (w.attention().outputBias() != null && heads.part() == 0) {
            small.add(w.attention().outputBias());
        }
        bytes += w.attention().qkvBias() == null ? 0 : 4L * heads.qkvWidth(config);
        return bytes + small.stream().mapToLong(ShardBytesTest::bytes).sum();
    }

    private static long bytes(FloatArray array) {
        return 4L * array.getSize();
    }
}
