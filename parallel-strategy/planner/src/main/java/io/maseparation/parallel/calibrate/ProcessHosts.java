package io.maseparation.parallel.calibrate;

import io.maseparation.parallel.cluster.Cluster;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Which processes of a job are on which host.
 *
 * @param ranks by host, in the order of their first ranks: the ranks there, ascending
 */
record ProcessHosts(List<List<Integer>> ranks) {
    /**
     * Two processes.
     *
     * @param first a rank
     * @param second another rank
     */
    record Pair(int first, int second) {}

    /** @param hosts by rank, the name of its host */
    static ProcessHosts of(List<String> hosts) {
        Map<String, List<Integer>> byHost = new LinkedHashMap<>();
        for (int rank = 0; rank < hosts.size(); rank++) {
            byHost.computeIfAbsent(hosts.get(rank), host -> new ArrayList<>()).add(rank);
        }
        return new ProcessHosts(byHost.values().stream().map(List::copyOf).toList());
    }

    /** The first two of each host that has two. */
    List<Pair> inside() {
        return ranks.stream()
                .filter(host -> host.size() > 1)
                .map(host -> new Pair(host.get(0), host.get(1)))
                .toList();
    }

    /** The first of each host and the first of the next one, in a ring, so that all hosts count alike. */
    List<Pair> between() {
        int hosts = ranks.size();
        // A ring of two would have its one pair twice.
        return IntStream.range(0, hosts < 3 ? hosts - 1 : hosts)
                .mapToObj(host -> new Pair(ranks.get(host).getFirst(), ranks.get((host + 1) % hosts).getFirst()))
                .toList();
    }

    /** A device of the first kind for each process, host by host, each of which is a node. */
    List<Cluster.Device> devices() {
        return IntStream.range(0, ranks.size())
                .boxed()
                .flatMap(host -> ranks.get(host).stream().map(rank -> new Cluster.Device(0, host)))
                .toList();
    }
}
