package io.maseparation.parallel.adapt;

import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.kernels.Body;
import io.maseparation.parallel.change.Changes;
import io.maseparation.parallel.change.LayoutChange;
import io.maseparation.parallel.execute.GoldenRuns;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.run.RunResult;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Golden tokens while the layout changes during the run. */
class GoldenChangesTest {
    static Stream<String> models() {
        return Stream.of("mixtral/f32", "mixtral/bf16", "olmoe/f32");
    }

    @ParameterizedTest
    @MethodSource("models")
    void tokensStayExactThroughChangesOfLayout(String model) throws Exception {
        Changes changes = Changes.at(
                Orders.ratio(2, 1, 3),
                Orders.experts(7, 0),
                Orders.ratio(12, 3, 1),
                Orders.sequences(16),
                Orders.ratio(25, 2, 2));
        RunResult result =
                GoldenRuns.check(model, Layout.separated(2, 2).withMicroBatches(2), Body.HOST, changes);

        assertThat(result.changes()).hasSize(5).allMatch(LayoutChange::made);
    }
}
