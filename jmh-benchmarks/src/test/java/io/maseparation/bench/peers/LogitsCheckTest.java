package io.maseparation.bench.peers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** A comparison of logits passes what rounding does, and nothing else. */
class LogitsCheckTest {
    private static final int VOCAB = 1000;

    /** Of the order of 1, with the largest at 7. */
    private static float[] logits() {
        Random random = new Random(5);
        float[] logits = new float[VOCAB];
        for (int i = 0; i < VOCAB; i++) {
            logits[i] = (float) random.nextGaussian();
        }
        logits[7] = 6;
        return logits;
    }

    /** Logits that are so far apart. */
    private static float[] apart(float[] logits, double difference) {
        float[] others = logits.clone();
        for (int i = 0; i < VOCAB; i++) {
            others[i] = (float) (logits[i] * (1 + (i % 2 == 0 ? difference : -difference)));
        }
        return others;
    }

    @Test
    void logitsMayDifferByRounding() {
        LogitsCheck check = new LogitsCheck();
        check.compare("a", logits(), apart(logits(), 1e-3));
        check.compare("b", logits(), apart(logits(), 2e-3));
        check.compare("c", logits(), apart(logits(), 0.9 * LogitsCheck.MOST));
        assertThat(check.end()).contains("logits of 3 positions are 2.0e-03 apart", "the same at 3");
    }

    @Test
    void aPositionMayNotDifferByMoreThanAChoiceOfExpertsExplains() {
        assertThatThrownBy(() -> new LogitsCheck().compare("here", logits(), apart(logits(), 1.1 * LogitsCheck.MOST)))
                .hasMessageContaining("here: logits are 0.11 apart");
        float[] none = logits();
        none[3] = Float.NaN;
        assertThatThrownBy(() -> new LogitsCheck().compare("here", logits(), none)).hasMessageContaining("NaN");
        assertThatThrownBy(() -> new LogitsCheck().compare("here", none, logits())).hasMessageContaining("NaN");
        assertThatThrownBy(() -> new LogitsCheck().compare("here", logits(), Arrays.copyOf(logits(), 9)))
                .hasMessageContaining("1000 logits of ours and 9 of theirs");
    }

    @Test
    void halfOfThePositionsMayNotDifferByMoreThanRounding() {
        LogitsCheck check = new LogitsCheck();
        check.compare("a", logits(), logits());
        check.compare("b", logits(), apart(logits(), 2 * LogitsCheck.TYPICAL));
        check.compare("c", logits(), apart(logits(), 2 * LogitsCheck.TYPICAL));
        assertThatThrownBy(check::end).hasMessageContaining("logits are 0.010 apart");
    }

    @Test
    void theMostLikelyTokenIsTheSameUnlessItIsNearlyTied() {
        float[] ours = logits();
        ours[8] = 5.9f;
        float[] tied = ours.clone();
        tied[8] = 6.01f;
        LogitsCheck check = new LogitsCheck();
        check.compare("tied", ours, tied);
        assertThat(check.end()).contains("the same at 0");

        ours[8] = 5.5f;
        assertThatThrownBy(() -> new LogitsCheck().compare("untied", ours, tied))
                .hasMessageContaining("untied: the most likely token is 7, and theirs 8");
    }
}
