package io.maseparation.moe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.maseparation.moe.testing.Golden;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The float64 forward pass reproduces what Hugging Face computed. */
class ReferenceTest {
    @TempDir
    Path temp;

    static List<String> names() {
        return Golden.names();
    }

    @ParameterizedTest
    @MethodSource("names")
    void greedyTokensAndLastLogitsAreTheGoldenOnes(String name) {
        Golden golden = Golden.copy(name, temp);
        try (Checkpoint checkpoint = Checkpoint.open(golden.folder())) {
            Reference reference = new Reference(checkpoint.weights());
            for (int p = 0; p < golden.prompts().size(); p++) {
                int[] prompt = golden.prompts().get(p);
                int[] greedy = golden.greedy().get(p);
                int[] all = Arrays.copyOf(prompt, prompt.length + greedy.length);
                System.arraycopy(greedy, 0, all, prompt.length, greedy.length);
                Reference.Trace trace = reference.trace(all, all.length);
                for (int i = 0; i < greedy.length; i++) {
                    double[] logits = trace.logits()[prompt.length - 1 + i];
                    assertThat(argmax(logits)).as("prompt %d, token %d", p, i).isEqualTo(greedy[i]);
                }
                double[] last = trace.logits()[prompt.length - 1];
                for (int v = 0; v < last.length; v++) {
                    assertThat(last[v])
                            .as("prompt %d, logit %d", p, v)
                            .isCloseTo(golden.lastLogits().get(p)[v], within(Golden.TOLERANCE));
                }
                assertThat(Arrays.stream(trace.logitGap()).min().orElseThrow()).isPositive();
                assertThat(Arrays.stream(trace.routerGap()).min().orElseThrow()).isPositive();
            }
            assertThat(checkpoint.copiedBytes()).isZero();
            assertThat(checkpoint.mappedBytes()).isPositive();
        }
    }

    private static int argmax(double[] x) {
        int best = 0;
        for (int i = 1; i < x.length; i++) {
            best = x[i] > x[best] ? i : best;
        }
        return best;
    }
}
