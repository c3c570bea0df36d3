package io.maseparation.parallel.simulate;

import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The choices of another routing for the first rows of decode steps, each drawn only once, for many simulations of the
 * same batch.
 */
final class RememberedRouting implements RoutingModel {
    private final RoutingModel of;
    private final int rows;
    private final Map<Draw, int[]> drawn = new ConcurrentHashMap<>();

    /** What the choices of all rows depend on. */
    private record Draw(long seed, int step, int layer, int slots, int experts) {}

    RememberedRouting(RoutingModel of, int rows) {
        this.of = of;
        this.rows = rows;
    }

    @Override
    public void chooseAll(long seed, int step, int layer, long[] wanted, int slots, int[] chosen, int experts) {
        if (step < 0) {
            of.chooseAll(seed, step, layer, wanted, slots, chosen, experts);
            return;
        }
        int[] all = drawn.computeIfAbsent(new Draw(seed, step, layer, slots, experts), this::draw);
        int[] ofRow = new int[slots];
        for (int i = 0; i < wanted.length; i++) {
            if (wanted[i] < rows) {
                // Few numbers: a loop is faster than a call that copies them.
                int from = (int) wanted[i] * slots;
                for (int slot = 0; slot < slots; slot++) {
                    chosen[i * slots + slot] = all[from + slot];
                }
            } else {
                of.choose(seed, step, layer, wanted[i], ofRow, experts);
                System.arraycopy(ofRow, 0, chosen, i * slots, slots);
            }
        }
    }

    private int[] draw(Draw draw) {
        int[] all = new int[rows * draw.slots()];
        long[] first = new long[rows];
        Arrays.setAll(first, row -> row);
        of.chooseAll(draw.seed(), draw.step(), draw.layer(), first, draw.slots(), all, draw.experts());
        return all;
    }

    @Override
    public String description() {
        return of.description();
    }
}
