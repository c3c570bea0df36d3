package io.maseparation.parallel.calibrate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Percentage.withPercentage;

import io.maseparation.parallel.cluster.Link;
import io.maseparation.parallel.comm.Communicator;
import io.maseparation.parallel.comm.InProcessCommunicator;
import io.maseparation.parallel.comm.Message;
import io.maseparation.parallel.comm.MessageKey;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class LinkFitTest {
    private static final double SMALL = 16 << 10;
    private static final double LARGE = 6 << 20;

    @Test
    void itIsTheLinkThatTheTimesAreOf() {
        Link link = new Link(250e-6, 3e9);

        Link found = LinkFit.through(SMALL, link.seconds(SMALL), LARGE, link.seconds(LARGE));

        assertThat(found.latencySeconds()).isCloseTo(link.latencySeconds(), withPercentage(1e-6));
        assertThat(found.bytesPerSecond()).isCloseTo(link.bytesPerSecond(), withPercentage(1e-6));
    }

    /** Noise: the large message was the faster one. No copy is that fast, and the small one's time is latency. */
    @Test
    void aFasterLargeMessageMakesNoLinkWithoutAnEnd() {
        Link link = LinkFit.through(SMALL, 300e-6, LARGE, 200e-6);

        assertThat(link.bytesPerSecond()).isEqualTo(1e11);
        assertThat(link.latencySeconds()).isBetween(299e-6, 300e-6);
    }

    /** A large message that takes more than its bytes' share leaves nothing for the latency of the small one. */
    @Test
    void noLatencyIsBelowZero() {
        Link link = LinkFit.through(SMALL, 10e-6, LARGE, 1);

        assertThat(link.latencySeconds()).isZero();
        assertThat(link.seconds(LARGE)).isCloseTo(1, withPercentage(1e-6));
    }

    /** One way, and without what the other rank computes. */
    @Test
    @Timeout(60)
    void aLinkWithAKnownDelayIsFound() throws Exception {
        Communicator slow = delayed(new InProcessCommunicator(2), new Link(20e-3, 3e8));
        List<double[]> times = new ArrayList<>();
        Calibrator.atOnce(slow, () -> times.add(PairProbe.lead(slow, 0, 1)), () -> PairProbe.answer(slow, 1, 0));

        Link found = LinkTimes.of(LinkTimes.Between.HOSTS, 1, times).link();

        assertThat(found.latencySeconds()).isBetween(20e-3, 35e-3);
        assertThat(found.seconds(LARGE)).isBetween(40e-3, 70e-3);
    }

    private static Communicator delayed(Communicator all, Link link) {
        return new ForwardingCommunicator(all) {
            @Override
            public void send(int to, MessageKey key, Message message) {
                long nanos = (long) (1e9 * link.seconds((double) message.bytes()));
                CompletableFuture.delayedExecutor(nanos, TimeUnit.NANOSECONDS)
                        .execute(() -> super.send(to, key, message));
            }
        };
    }

    @Test
    void anOddRoundDoesNotCount() {
        long[] bytes = PairProbe.bytes();
        Link link = new Link(100e-6, 2e9);
        double[] usual = IntStream.range(0, bytes.length).mapToDouble(i -> link.seconds((double) bytes[i])).toArray();
        double[] odd = IntStream.range(0, bytes.length).mapToDouble(i -> 50 * usual[i]).toArray();

        LinkTimes times = LinkTimes.of(LinkTimes.Between.HOSTS, 1, List.of(odd, usual, usual));

        assertThat(times.link().latencySeconds()).isCloseTo(link.latencySeconds(), withPercentage(1e-6));
        assertThat(times.link().bytesPerSecond()).isCloseTo(link.bytesPerSecond(), withPercentage(1e-6));
        assertThat(times.messages()).extracting(LinkTimes.MessageTime::bytes).containsExactly(16384L, 409600L,
                6291456L);
        assertThat(times.messages().getFirst().most()).isCloseTo(odd[0], withPercentage(1e-6));
        assertThat(times.messages().getFirst().least()).isCloseTo(usual[0], withPercentage(1e-6));
    }
}
