package io.maseparation.moe;

import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.kernels.WeightMatrix;
import io.maseparation.moe.testing.Golden;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A rank's part of a checkpoint: what it wants is there as in the whole, and the rest is not read. */
class CheckpointPartTest {
    /** The output projection, attention of odd layers, and every other expert. */
    private static final Wanted PART = new Wanted() {
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
            return layer % 2 == 1;
        }

        @Override
        public boolean expert(int layer, int expert) {
            return expert % 2 == 0;
        }

        @Override
        public boolean extra(int layer) {
            return layer % 2 == 0;
        }
    };

    @TempDir
    Path temp;

    static List<String> names() {
        return Golden.names();
    }

    @ParameterizedTest
    @MethodSource("names")
    void whatIsWantedIsThereAndNothingElse(String name) {
        Path folder = Golden.copy(name, temp).folder();
        try (Checkpoint whole = Checkpoint.open(folder); Checkpoint part = Checkpoint.openPart(folder, c -> PART)) {
            ModelWeights all = whole.weights();
            ModelWeights some = part.weights();
            assertThat(some.config()).isEqualTo(all.config());
            assertThat(part.mappedBytes() + part.copiedBytes()).isLessThan(whole.mappedBytes() + whole.copiedBytes());
            assertThat(part.headersHash()).isEqualTo(whole.headersHash());
            assertPart(some.output(), all.output(), true);
            assertPart(some.embedding(), all.embedding(), all.config().vocabulary().tied());
            for (int l = 0; l < all.layers().size(); l++) {
                LayerWeights expected = all.layers().get(l);
                LayerWeights layer = some.layers().get(l);
                assertPart(layer.attention().q(), expected.attention().q(), l % 2 == 1);
                assertPart(layer.attention().o(), expected.attention().o(), l % 2 == 1);
                // Those of one tensor are mapped together.
                boolean stacked = expected.experts().banks().size() == 1 && expected.experts().size() > 1;
                for (int e = 0; e < expected.experts().size(); e++) {
                    assertPart(layer.experts().get(e).up(), expected.experts().get(e).up(), stacked || e % 2 == 0);
                    assertPart(layer.experts().get(e).down(), expected.experts().get(e).down(), stacked || e % 2 == 0);
                }
                if (expected.extra() != null) {
                    assertPart(layer.extra().up(), expected.extra().up(), l % 2 == 0);
                }
            }
        }
    }

    private static void assertPart(WeightMatrix matrix, WeightMatrix expected, boolean here) {
        assertThat(matrix.type()).isEqualTo(expected.type());
        assertThat(matrix.rows()).isEqualTo(expected.rows());
        ExactMatrix values = new ExactMatrix(matrix);
        ExactMatrix others = new ExactMatrix(expected);
        for (int row = 0; row < matrix.rows(); row += 5) {
            if (here) {
                assertThat(values.row(row)).isEqualTo(others.row(row));
            } else {
                assertThat(values.row(row)).hasSize(expected.cols()).containsOnly(Double.NaN);
            }
        }
    }
}
