package io.maseparation.parallel.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.moe.Format;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelSize;
import io.maseparation.moe.Presets;
import java.util.List;
import org.junit.jupiter.api.Test;

class LeastWorkTest {
    @Test
    void rowsSeeWhatIsInTheCacheAndThemselves() {
        assertThat(LeastWork.positions(new int[] {10, 3}, new int[] {2, 2}, 0)).isEqualTo(11 + 12 + 4 + 5);
    }

    @Test
    void aSequenceThatHasEndedSeesNothing() {
        assertThat(LeastWork.positions(new int[] {10, 3}, new int[] {2, 0}, 0)).isEqualTo(11 + 12);
    }

    @Test
    void aWindowHidesWhatIsBeforeIt() {
        assertThat(LeastWork.positions(new int[] {10, 3}, new int[] {2, 2}, 4)).isEqualTo(4 + 4 + 4 + 4);
        assertThat(LeastWork.positions(new int[] {3}, new int[] {3}, 5)).isEqualTo(4 + 5 + 5);
    }

    @Test
    void aTiedProjectionIsReadAsAnyOther() {
        ModelConfig config = Presets.config("small");
        List<LeastWork.Layer> layers = config.layers().stream().map(l -> new LeastWork.Layer(40, 3)).toList();
        LeastWork own = LeastWork.of(config, 4, true, Format.F32, layers, format -> 1);
        assertThat(LeastWork.of(config.withTied(true), 4, true, Format.F32, layers, format -> 1)).isEqualTo(own);
        LeastWork without = LeastWork.of(config, 4, false, Format.F32, layers, format -> 1);
        assertThat(own.bytes() - without.bytes())
                .isEqualTo((double) ModelSize.of(config).outputBytes());
        assertThat(own.flops() - without.flops()).isEqualTo(2.0 * 4 * config.hidden() * config.vocab());
    }

    @Test
    void oneSequenceOnOneRankReadsAllButTheEmbeddingAndIdleExperts() {
        ModelConfig config = Presets.config("small");
        ModelSize size = ModelSize.of(config);
        int experts = config.layers().getFirst().routing().experts();
        List<LeastWork.Layer> layers = config.layers().stream().map(l -> new LeastWork.Layer(0, experts)).toList();
        assertThat(LeastWork.of(config, 1, true, Format.F32, layers, format -> 1).bytes())
                .isEqualTo((double) size.weightBytes() - size.embeddingBytes());
    }
}
