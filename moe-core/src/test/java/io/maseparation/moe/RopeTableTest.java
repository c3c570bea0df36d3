package io.maseparation.moe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.maseparation.files.ModelException;
import java.util.List;
import org.junit.jupiter.api.Test;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

class RopeTableTest {
    private static FloatArray table(Rope rope, int headDim, int positions) {
        return RopeTable.create(rope, headDim, List.of(positions)).values();
    }

    @Test
    void isWithinRoundingOfTransformersSinglePrecision() {
        int headDim = 16;
        FloatArray table = table(new Rope(10_000, 1), headDim, 512);
        assertThat(table.getSize()).isEqualTo(512 * headDim);
        for (int position = 0; position < 512; position++) {
            for (int i = 0; i < headDim / 2; i++) {
                // transformers: inv_freq and the angle are rounded to fp32.
                float inverse = 1f / (float) Math.pow(10_000, (float) (2 * i) / headDim);
                float angle = inverse * position;
                int at = (position * (headDim / 2) + i) * 2;
                assertThat(table.get(at)).isCloseTo((float) Math.cos(angle), within(6e-5f));
                assertThat(table.get(at + 1)).isCloseTo((float) Math.sin(angle), within(6e-5f));
            }
        }
    }

    @Test
    void scalingDividesPositions() {
        FloatArray plain = table(new Rope(500, 1), 8, 10);
        FloatArray scaled = table(new Rope(500, 2), 8, 20);
        for (int i = 0; i < 8; i++) {
            assertThat(scaled.get(18 * 8 + i)).isEqualTo(plain.get(9 * 8 + i));
        }
    }

    @Test
    void refusesWhatIsNoTable() {
        assertThatThrownBy(() -> table(new Rope(500, 1), 7, 10))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> table(new Rope(500, 1), 128, 1 << 26)).isInstanceOf(ModelException.class);
    }
}
