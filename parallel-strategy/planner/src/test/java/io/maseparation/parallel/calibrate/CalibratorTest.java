package io.maseparation.parallel.calibrate;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.maseparation.parallel.comm.Communicator;
import io.maseparation.parallel.comm.InProcessCommunicator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class CalibratorTest {
    private final Communicator communicator = new InProcessCommunicator(2);

    /** Otherwise a kernel that fails on one of two ranks leaves the command waiting for ever. */
    @Test
    @Timeout(30)
    void aRankDoesNotWaitForOneThatFailed() {
        assertThatThrownBy(() -> Calibrator.atOnce(communicator, () -> receive(0), CalibratorTest::fail))
                .isInstanceOf(UnsupportedOperationException.class)
                .hasMessage("no such kernel");
    }

    @Test
    @Timeout(30)
    void norTheOtherWayRound() {
        assertThatThrownBy(() -> Calibrator.atOnce(communicator, CalibratorTest::fail, () -> receive(1)))
                .isInstanceOf(UnsupportedOperationException.class)
                .hasMessage("no such kernel");
    }

    private static void fail() {
        throw new UnsupportedOperationException("no such kernel");
    }

    private void receive(int rank) {
        try {
            TransferProbe.receive(communicator, rank, 0, new float[1]);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
