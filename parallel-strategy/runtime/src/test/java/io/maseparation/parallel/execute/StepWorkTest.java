package io.maseparation.parallel.execute;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class StepWorkTest {
    @Test
    void rowsSeeWhatIsInTheCacheAndThemselves() {
        assertThat(StepWork.positions(new int[] {10, 3}, new int[] {2, 2}, 0)).isEqualTo(11 + 12 + 4 + 5);
    }

    @Test
    void aSequenceThatHasEndedSeesNothing() {
        assertThat(StepWork.positions(new int[] {10, 3}, new int[] {2, 0}, 0)).isEqualTo(11 + 12);
    }

    @Test
    void aWindowHidesWhatIsBeforeIt() {
        assertThat(StepWork.positions(new int[] {10, 3}, new int[] {2, 2}, 4)).isEqualTo(4 + 4 + 4 + 4);
        assertThat(StepWork.positions(new int[] {3}, new int[] {3}, 5)).isEqualTo(4 + 5 + 5);
    }
}
