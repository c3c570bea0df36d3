package io.maseparation.parallel.search;

import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.layout.CombineMode;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.layout.Strategy;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/**
 * The layouts that are searched. Strategies use all devices; on a cluster with several kinds of device also the devices
 * of each kind alone, and if the objective is the price also quarters of a kind, alone or as one of MA's pools. Numbers
 * of parts are divisors of what they divide; there are 1 to 4 micro-batches, or up to twice the stages of a pipeline.
 */
public final class SearchedLayouts {
    private static final int MICRO_BATCHES = 4;
    /** Up to this number of devices, expert ranks are divided in every way; beyond, by powers of two. */
    private static final int EVERY_DIVISION = 32;
    /** The devices of a kind are used or left out in this number of parts. */
    private static final int QUARTERS = 4;

    private final ModelConfig config;
    private final Cluster cluster;
    private final LayoutFilter filter;
    private final Set<PlacedLayout> found = new LinkedHashSet<>();

    private SearchedLayouts(ModelConfig config, Cluster cluster, LayoutFilter filter) {
        this.config = config;
        this.cluster = cluster;
        this.filter = filter;
    }

    /**
     * {@return all candidates of a search; {@link PlacedLayout#plan} may refuse some, and some may not fit into memory}
     *
     * @param request the search
     */
    public static List<PlacedLayout> of(SearchRequest request) {
        return new SearchedLayouts(request.config(), request.cluster(), request.filter())
                .all(request.goal().objective() == Objective.COST);
    }

    /** @param fewer whether devices of a kind may stay unused */
    private List<PlacedLayout> all(boolean fewer) {
        List<Integer> every = IntStream.range(0, cluster.size()).boxed().toList();
        add(every);
        if (cluster.kinds().size() > 1) {
            for (int kind = 0; kind < cluster.kinds().size(); kind++) {
                add(ofKind(every, kind));
                for (int other = 0; other < cluster.kinds().size() && fewer; other++) {
                    for (int quarters = 1; quarters <= QUARTERS; quarters++) {
                        List<Integer> some = part(ofKind(every, kind), quarters);
                        if (other == kind) {
                            add(some);
                        } else {
                            for (int others = 1; others <= QUARTERS; others++) {
                                pools(some, part(ofKind(every, other), others));
                            }
                        }
                    }
                }
            }
        }
        return List.copyOf(found);
    }

    private static List<Integer> part(List<Integer> devices, int quarters) {
        return devices.subList(0, devices.size() * quarters / QUARTERS);
    }

    /** Attention on all of some devices, experts on all of others. */
    private void pools(List<Integer> attention, List<Integer> experts) {
        if (!attention.isEmpty() && !experts.isEmpty()) {
            List<Integer> order = new ArrayList<>(attention);
            order.addAll(experts);
            separated(attention.size(), experts.size(), g -> List.of(order));
        }
    }

    private List<Integer> ofKind(List<Integer> devices, int kind) {
        return devices.stream()
                .filter(d -> cluster.devices().get(d).kind() == kind)
                .toList();
    }

    private void add(List<Integer> devices) {
        int n = devices.size();
        if (n == 0) {
            return;
        }
        if (n == 1) {
            add(Layout.single().withMicroBatches(1), devices);
            return;
        }
        for (int tp : divisors(n)) {
            for (int pp : divisors(n / tp)) {
                if (pp <= config.layers().size()) {
                    Layout layout = Layout.tensorPipeline(tp, pp).withDataParallel(n / tp / pp);
                    batched(layout, Math.max(MICRO_BATCHES, 2 * pp), List.of(devices));
                }
            }
        }
        for (int dp : divisors(n)) {
            for (int g : divisors(n / dp)) {
                if (n / dp > 1) {
                    batched(Layout.expertParallel(n / dp).withAttentionTensorParallel(g).withDataParallel(dp),
                            MICRO_BATCHES, List.of(devices));
                }
            }
        }
        for (int attention = 1; attention < n; attention++) {
            int a = attention;
            separated(attention, n - attention, g -> orders(devices, a, g));
        }
    }

    /** @param ordersOf devices by rank, for a number of ranks that split heads */
    private void separated(int attention, int experts, IntFunction<List<List<Integer>>> ordersOf) {
        if (!filter.strategies().contains(Strategy.MA)) {
            return;
        }
        boolean every = attention + experts <= EVERY_DIVISION;
        for (int g : powersOfTwo(attention)) {
            List<List<Integer>> orders = ordersOf.apply(g);
            for (int r : every ? divisors(experts) : powersOfTwo(experts)) {
                for (int t : every ? divisors(experts / r) : powersOfTwo(experts / r)) {
                    batched(
                            Layout.separated(attention, experts)
                                    .withAttentionTensorParallel(g)
                                    .withExpertReplicas(r)
                                    .withExpertTensorParallel(t),
                            MICRO_BATCHES,
                            orders);
                }
            }
        }
    }

    private void batched(Layout layout, int mostMicroBatches, List<List<Integer>> orders) {
        for (CombineMode combine : layout.expertGroups() == 0 ? Set.of(layout.combine()) : filter.combines()) {
            for (int m = 1; m <= mostMicroBatches; m++) {
                Setup setup = layout.withCombine(combine).withMicroBatches(m);
                orders.forEach(order -> add(setup, order));
            }
        }
    }

    private void add(Setup setup, List<Integer> order) {
        if (filter.has(setup)) {
            found.add(new PlacedLayout(setup, order));
        }
    }

    /** Devices by rank: as they are, attention spread evenly over nodes, and attention first on each kind of device. */
    private List<List<Integer>> orders(List<Integer> devices, int attention, int group) {
        Set<List<Integer>> orders = new LinkedHashSet<>();
        orders.add(devices);
        orders.add(spread(devices, attention, group));
        for (int kind = 0; kind < cluster.kinds().size(); kind++) {
            int first = kind;
            orders.add(devices.stream()
                    .sorted(Comparator.comparing((Integer d) -> cluster.devices().get(d).kind() != first))
                    .toList());
        }
        return List.copyOf(orders);
    }

    /** Whole groups of attention ranks distributed over the nodes; the devices as they are if that is impossible. */
    private List<Integer> spread(List<Integer> devices, int attention, int group) {
        List<Integer> nodes =
                devices.stream().map(d -> cluster.nodeOf(d)).distinct().toList();
        List<Integer> attentionDevices = new ArrayList<>();
        List<Integer> expertDevices = new ArrayList<>();
        long before = 0;
        for (int node : nodes) {
            List<Integer> here = devices.stream()
                    .filter(d -> cluster.nodeOf(d) == node)
                    .toList();
            long groups = attention / group;
            long share = group * (groups * (before + here.size()) / devices.size() - groups * before / devices.size());
            if (share > here.size()) {
                return devices;
            }
            attentionDevices.addAll(here.subList(0, (int) share));
            expertDevices.addAll(here.subList((int) share, here.size()));
            before += here.size();
        }
        attentionDevices.addAll(expertDevices);
        return attentionDevices;
    }

    private static int[] divisors(int n) {
        return IntStream.rangeClosed(1, n).filter(d -> n % d == 0).toArray();
    }

    private static int[] powersOfTwo(int n) {
        return IntStream.iterate(1, d -> d <= n, d -> 2 * d).filter(d -> n % d == 0).toArray();
    }
}
