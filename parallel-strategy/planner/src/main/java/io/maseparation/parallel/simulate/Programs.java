package io.maseparation.parallel.simulate;

import io.maseparation.parallel.layout.Op;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.RankPlan;
import io.maseparation.parallel.layout.Tensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** The programs of a plan, with every transfer resolved to numbers that index arrays. */
final class Programs {
    final int ranks;
    final int microBatches;
    /** Whether a rank ends its program for a micro-batch before it takes the next one. */
    final boolean inOrder;
    /** For each rank its operations. */
    final Op[][] ops;
    /** For each rank the legs of its program. */
    final int[][] legs;
    /** For each rank the devices it is on. */
    final int[] device;
    /** For each rank and operation: number of the collective, or −1. */
    final int[][] collective;
    /** For each rank and operation: the ranks that it sends to, if it does. */
    final int[][][] to;
    /** For each collective its members' devices. */
    final List<List<Integer>> memberDevices = new ArrayList<>();
    private final Map<Channel, int[]> receivers = new HashMap<>();

    private record Channel(Tensor tensor, int layer) {}

    /** A collective: the same operation of the same group. Groups are shared lists, so that looking one up is cheap. */
    private record Collective(List<Integer> group, Class<?> kind, Tensor tensor, int layer) {}

    Programs(Plan plan) {
        ranks = plan.ranks().size();
        microBatches = plan.batching().microBatches();
        inOrder = plan.inOrder();
        ops = new Op[ranks][];
        legs = new int[ranks][];
        collective = new int[ranks][];
        to = new int[ranks][][];
        IdentityHashMap<List<Integer>, int[]> receiving = new IdentityHashMap<>();
        device = plan.devices().stream().mapToInt(d -> d).toArray();
        Map<Collective, Integer> numbers = new HashMap<>();
        Map<List<Integer>, List<Integer>> groups = new HashMap<>();
        IdentityHashMap<List<Integer>, List<Integer>> known = new IdentityHashMap<>();
        IdentityHashMap<List<Integer>, List<Integer>> devices = new IdentityHashMap<>();
        for (RankPlan rank : plan.ranks()) {
            int r = rank.rank();
            ops[r] = rank.program().toArray(Op[]::new);
            legs[r] = rank.legs();
            collective[r] = new int[ops[r].length];
            to[r] = new int[ops[r].length][];
            for (int i = 0; i < ops[r].length; i++) {
                Op op = ops[r][i];
                collective[r][i] = -1;
                if (op instanceof Op.Recv(List<Integer> from, Tensor tensor, int layer)) {
                    int[] at = receivers.computeIfAbsent(new Channel(tensor, layer), c -> none(ranks));
                    if (at[r] >= 0) {
                        throw new IllegalStateException(
                                "program: rank %d receives %s of layer %d twice".formatted(r, tensor, layer));
                    }
                    at[r] = i;
                }
                if (op instanceof Op.Send send) {
                    to[r][i] = receiving.computeIfAbsent(
                            send.to(), list -> list.stream().mapToInt(member -> member).toArray());
                }
                if (op instanceof Op.Collective together) {
                    List<Integer> shared = known.computeIfAbsent(
                            together.group(), g -> groups.computeIfAbsent(g, same -> same));
                    Collective key = new Collective(shared, op.getClass(), together.tensor(), together.layer());
                    collective[r][i] = numbers.computeIfAbsent(key, k -> {
                        memberDevices.add(devices.computeIfAbsent(
                                shared, g -> g.stream().map(m -> device[m]).toList()));
                        return memberDevices.size() - 1;
                    });
                }
            }
        }
    }

    private static int[] none(int n) {
        int[] array = new int[n];
        java.util.Arrays.fill(array, -1);
        return array;
    }

    /** For each rank the index of the operation that receives a tensor; −1 where none does. */
    int[] receivers(Tensor tensor, int layer) {
        return Objects.requireNonNull(receivers.get(new Channel(tensor, layer)), "what is sent is received");
    }
}
