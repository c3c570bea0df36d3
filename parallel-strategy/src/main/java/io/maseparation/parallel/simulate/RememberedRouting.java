package io.maseparation.parallel.simulate;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** The choices of another routing for the first rows of decode steps, each drawn once: for many simulations of one batch. */
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
    public void choose(long seed, int step, int layer, long row, int[] chosen, int experts) {
        if (step < 0 || row >= rows) {
            of.choose(seed, step, layer, row, chosen, experts);
            return;
        }
        int[] all = drawn.computeIfAbsent(new Draw(seed, step, layer, chosen.length, experts), this::draw);
        System.arraycopy(all, (int) row * chosen.length, chosen, 0, chosen.length);
    }

    private int[] draw(Draw draw) {
        int[] all = new int[rows * draw.slots()];
        int[] chosen = new int[draw.slots()];
        for (int row = 0; row < rows; row++) {
            of.choose(draw.seed(), draw.step(), draw.layer(), row, chosen, draw.experts());
            System.arraycopy(chosen, 0, all, row * chosen.length, chosen.length);
        }
        return all;
    }

    @Override
    public String description() {
        return of.description();
    }
}
