package io.maseparation.parallel.calibrate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.maseparation.parallel.calibrate.LinkTimes.Between;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.DeviceKind;
import io.maseparation.parallel.cluster.HostSharing;
import io.maseparation.parallel.cluster.LaunchTimes;
import io.maseparation.parallel.cluster.Link;
import io.maseparation.parallel.cluster.Links;
import io.maseparation.parallel.cluster.Roofline;
import io.maseparation.parallel.comm.ProcessesOfThreads;
import io.maseparation.parallel.run.RunFailedException;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class LinkProbeTest {
    private static final String CORES = "cores of 2 cores";
    private static final Link THREADS = new Link(7e-6, 5e9);

    private final ExecutorService threads =
            Executors.newCachedThreadPool(Thread.ofPlatform().daemon().factory());

    @AfterEach
    void endThreads() {
        threads.shutdownNow();
    }

    @Test
    void firstTwoOfEachHostAndFirstsOfNeighbours() {
        ProcessHosts hosts = ProcessHosts.of(List.of("a", "b", "a", "b", "a", "c"));

        assertThat(hosts.ranks()).containsExactly(List.of(0, 2, 4), List.of(1, 3), List.of(5));
        assertThat(hosts.inside()).containsExactly(new ProcessHosts.Pair(0, 2), new ProcessHosts.Pair(1, 3));
        assertThat(hosts.between()).containsExactly(
                new ProcessHosts.Pair(0, 1), new ProcessHosts.Pair(1, 5), new ProcessHosts.Pair(5, 0));
        // Nodes have as many devices as hosts have processes.
        assertThat(hosts.devices()).extracting(Cluster.Device::node).containsExactly(0, 0, 0, 1, 1, 2);
    }

    @Test
    void twoHostsAreOnePairAndOneHostIsNone() {
        assertThat(ProcessHosts.of(List.of("a", "b")).between()).containsExactly(new ProcessHosts.Pair(0, 1));
        assertThat(ProcessHosts.of(List.of("a", "b")).inside()).isEmpty();
        assertThat(ProcessHosts.of(List.of("a", "a", "a")).between()).isEmpty();
        assertThat(ProcessHosts.of(List.of("a", "a", "a")).inside()).containsExactly(new ProcessHosts.Pair(0, 1));
    }

    /** Three hosts: the leader is first and second of a pair, and is in none. */
    @Test
    void everyKindOfLinkIsMeasuredAndInTheProfile() throws Exception {
        LinkProbe leader = job("", List.of("a", "b", "b", "c"));
        leader.warmUp();
        leader.measure();
        leader.measure();
        leader.end();

        assertThat(leader.links()).extracting(LinkTimes::between)
                .containsExactly(Between.THREADS, Between.PROCESSES, Between.HOSTS);
        assertThat(leader.links()).extracting(LinkTimes::pairs).containsExactly(1, 1, 3);
        assertThat(leader.links()).allSatisfy(times -> assertThat(times.messages()).allSatisfy(
                m -> assertThat(m.seconds()).isPositive().isFinite().isBetween(m.least(), m.most())));
        Cluster cluster = leader.of(alone(HostSharing.NONE)).cluster();
        assertThat(cluster.devices()).extracting(Cluster.Device::node).containsExactly(0, 1, 1, 2);
        assertThat(cluster.links().intraNode()).isEqualTo(leader.links().get(1).link());
        assertThat(cluster.links().interNode()).isEqualTo(leader.links().get(2).link());
    }

    @Test
    void onOneHostDevicesAreAsManyAsBefore() throws Exception {
        LinkProbe leader = job("", List.of("a", "a"));
        leader.measure();
        leader.end();

        Cluster cluster = leader.of(alone(HostSharing.NONE)).cluster();

        assertThat(cluster.size()).isEqualTo(16);
        assertThat(cluster.farthestLink()).isEqualTo(leader.links().getLast().link()).isNotEqualTo(THREADS);
    }

    @Test
    void whereEachHostHasOneProcessItsOwnLinkIsThatOfThreads() throws Exception {
        LinkProbe leader = job("", List.of("a", "b"));
        leader.measure();
        leader.end();

        Links links = leader.of(alone(HostSharing.NONE)).cluster().links();

        assertThat(links.intraNode()).isEqualTo(THREADS);
        assertThat(links.interNode()).isEqualTo(leader.links().getLast().link()).isNotEqualTo(THREADS);
    }

    /** Each process sees its own one only. */
    @Test
    void gpusOfAHostAreCountedAmongItsProcesses() throws Exception {
        LinkProbe leader = job("gpu", List.of("a", "a", "a"));
        leader.measure();
        leader.end();

        HostSharing host = leader.of(alone(new HostSharing(4, 1, 0.5, 0))).cluster().host();

        // Ranks 0 and 2 share one.
        assertThat(host).isEqualTo(new HostSharing(4, 2, 0.5, 0));
    }

    @Test
    void anotherKindOfDeviceIsNamed() throws Exception {
        ProcessesOfThreads all = new ProcessesOfThreads(2);
        Future<LinkProbe> other = threads.submit(
                () -> LinkProbe.join(all.member(1), new LinkProbe.Place("b", "", "cores of 64 cores")));
        LinkProbe leader = LinkProbe.join(all.member(0), new LinkProbe.Place("a", "", CORES));

        other.get(20, TimeUnit.SECONDS);
        assertThat(leader.otherDevices()).singleElement().asString()
                .isEqualTo(
                        "rank 1 is on cores of 64 cores, and the profile has the times of rank 0's cores of 2 cores for"
                                + " all");
    }

    @Test
    void aBreakdownEndsWhoWaits() throws Exception {
        ProcessesOfThreads all = new ProcessesOfThreads(2);
        Future<?> follower = threads.submit(() -> {
            LinkProbe.join(all.member(1), new LinkProbe.Place("a", "", CORES)).follow();
            return true;
        });
        LinkProbe leader = LinkProbe.join(all.member(0), new LinkProbe.Place("a", "", CORES));
        leader.measure();
        all.breakDown(1, new RunFailedException("messages do not move", null));

        assertThatThrownBy(() -> follower.get(20, TimeUnit.SECONDS)).hasMessageContaining("messages do not move");
    }

    /** The leader of a job whose other processes follow. */
    private LinkProbe job(String gpu, List<String> hosts) {
        ProcessesOfThreads all = new ProcessesOfThreads(hosts.size());
        List<LinkProbe.Place> places = IntStream.range(0, hosts.size())
                .mapToObj(rank -> new LinkProbe.Place(hosts.get(rank), gpu.isEmpty() ? "" : gpu + rank % 2, CORES))
                .toList();
        for (int rank = 1; rank < hosts.size(); rank++) {
            int own = rank;
            threads.execute(() -> LinkProbe.join(all.member(own), places.get(own)).follow());
        }
        LinkProbe leader = LinkProbe.join(all.member(0), places.getFirst());
        assertThat(leader.otherDevices()).isEmpty();
        return leader;
    }

    private static Calibration alone(HostSharing host) {
        DeviceKind kind = new DeviceKind("cores", 1e9, Roofline.peak(1e10, 1e11), LaunchTimes.NONE, Double.NaN,
                Double.POSITIVE_INFINITY, 0, Map.of());
        return new Calibration(
                new Cluster("this-machine", "", List.of(kind), Collections.nCopies(16, new Cluster.Device(0, 0)),
                        Links.everywhere(THREADS), host, List.of(), List.of()),
                Map.of(), Optional.empty());
    }
}
