package io.maseparation.moe;

import static io.maseparation.moe.Complaints.assertComplains;
import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.kernels.Activation;
import io.maseparation.kernels.DataType;
import io.maseparation.moe.ModelConfig.QkNorm;
import org.junit.jupiter.api.Test;

class PresetsTest {
    @Test
    void publishedShapesHaveThePublishedNumberOfParameters() {
        assertThat(ModelSize.of(Presets.config("mixtral-8x7b")).parameters()).isEqualTo(46_702_792_704L);
        assertThat(ModelSize.of(Presets.config("olmoe-1b-7b")).parameters()).isEqualTo(6_919_161_856L);
        assertThat(ModelSize.of(Presets.config("qwen3-30b-a3b")).parameters()).isEqualTo(30_532_122_624L);
        assertThat(ModelSize.of(Presets.config("qwen3-30b-a3b")).activeParameters()).isBetween(3_000_000_000L,
                3_100_000_000L);
        assertThat(Presets.config("olmoe-1b-7b").qkNorm()).isEqualTo(QkNorm.WHOLE);
    }

    @Test
    void theSeedIsThePapersModel() {
        ModelConfig seed = Presets.config("seed");
        assertThat(seed.layers()).hasSize(4).allSatisfy(layer -> {
            assertThat(layer.routing().experts()).isEqualTo(16);
            assertThat(layer.routing().topK()).isEqualTo(2);
            assertThat(layer.routing().renormalise()).isTrue();
            assertThat(layer.expertWidth()).isEqualTo(16384);
        });
        assertThat(seed.hidden()).isEqualTo(4096);
        assertThat(seed.heads()).isEqualTo(32);
        assertThat(seed.kvHeads()).isEqualTo(32);
        assertThat(seed.headDim()).isEqualTo(128);
        assertThat(seed.gated()).isFalse();
        assertThat(seed.feedForward().activation()).isEqualTo(Activation.GELU_TANH);
        assertThat(seed.weightType()).isEqualTo(DataType.F16);
        ModelSize size = ModelSize.of(seed);
        long expert = 2L * 4096 * 16384;
        assertThat(size.layers().getFirst().expertBytes()).isEqualTo(2 * expert);
        assertThat(size.parameters())
                .isEqualTo(4 * (16 * expert + 4L * 4096 * 4096 + 16 * 4096 + 2 * 4096) + 2L * 32000 * 4096 + 4096);
        assertThat(ModelSize.of(Presets.config("seed-gated")).layers().getFirst().expertBytes()).isEqualTo(3 * expert);
    }

    @Test
    void seed32HasTheWeightsOfSeedInMoreLayers() {
        ModelConfig deep = Presets.config("seed-32");
        assertThat(deep.layers()).hasSize(32);
        long perLayer = 16 * 4096 + 2 * 4096; // router and norms
        assertThat(ModelSize.of(deep).parameters() - 32 * perLayer)
                .isEqualTo(ModelSize.of(Presets.config("seed")).parameters() - 4 * perLayer);
    }

    @Test
    void everyPresetIsDescribed() {
        for (String name : Presets.names()) {
            assertThat(Presets.config(name).name()).isEqualTo(name);
            assertThat(Presets.description(name)).isNotBlank();
            assertThat(Presets.has(name)).isTrue();
        }
        assertThat(Presets.description("seed")).contains("assumed", "two matrices", "top-2", "32000", "untied", "fp16");
        assertComplains(() -> Presets.config("huge\n"), "no preset huge?", "tiny, small, seed");
        assertThat(Presets.missing("a\u0000\n" + "b".repeat(9999))).startsWith("model 'a??bb").contains("tiny, small")
                .matches("[^\\p{Cntrl}]{1,500}");
    }
}
