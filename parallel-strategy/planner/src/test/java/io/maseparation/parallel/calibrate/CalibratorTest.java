package io.maseparation.parallel.calibrate;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.maseparation.parallel.comm.Communicator;
import io.maseparation.parallel.comm.InProcessCommunicator;
import io.maseparation.parallel.comm.Message;
import io.maseparation.parallel.comm.MessageKey;
import io.maseparation.parallel.comm.RunAbortedException;
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

    @Test
    @Timeout(30)
    void anInterruptEndsBothSidesOfTheProbe() {
        Thread.currentThread().interrupt();
        assertThatThrownBy(() -> TransferProbe.oneWaySeconds(communicator, 1))
                .isInstanceOf(InterruptedException.class);
        assertThatThrownBy(() -> communicator.awaitArrival(1, communicator.arrivals(1)))
                .isInstanceOf(RunAbortedException.class);
    }

    @Test
    @Timeout(30)
    void theProbeDoesNotWaitForAnAnswerThatFails() {
        Communicator noAnswer = new ForwardingCommunicator(communicator) {
            @Override
            public void send(int to, MessageKey key, Message message) {
                if (to == 0) {
                    fail();
                }
                super.send(to, key, message);
            }
        };
        assertThatThrownBy(() -> TransferProbe.oneWaySeconds(noAnswer, 1)).hasMessage("no such kernel");
    }

    private static void fail() {
        throw new UnsupportedOperationException("no such kernel");
    }

    private void receive(int rank) {
        try {
            TransferProbe.receive(communicator, rank, 1 - rank, 0, new float[1]);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
