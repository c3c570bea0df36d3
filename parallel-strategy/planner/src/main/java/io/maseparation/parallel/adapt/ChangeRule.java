package io.maseparation.parallel.adapt;

import java.util.HashMap;
import java.util.Map;

/**
 * When a change of layout is worth it. It must gain a noticeable part of a step (hysteresis), and over the steps to
 * come more than it costs; changes keep a distance from each other (bounded rate); and a layout that was left, or that
 * could not be set up, is not taken again for a while (no oscillation).
 */
public final class ChangeRule {
    private final Settings settings;
    private final Map<Object, Integer> avoidedUntil = new HashMap<>();
    private int lastChange = Integer.MIN_VALUE;

    /**
     * Limits.
     *
     * @param interval least decode steps between two changes, at least 1
     * @param horizon most decode steps that a gain is counted over, at least 1
     * @param leastGain least share of a step's time that a change must gain, 0 to 1
     * @param safety how many times its cost a change must gain, 1 or more
     * @param coolDown decode steps for which a layout that was left is not taken again
     */
    public record Settings(int interval, int horizon, double leastGain, double safety, int coolDown) {
        /** Steps between two looks where nothing else is asked for. */
        public static final int DEFAULT_INTERVAL = 32;

        /** Steps that a gain is counted over where nothing else is asked for. */
        public static final int DEFAULT_HORIZON = 1024;

        private static final double LEAST_GAIN = 0.05;
        private static final double SAFETY = 2;
        private static final int INTERVALS_TO_COOL_DOWN = 8;

        public Settings {
            if (interval < 1 || horizon < 1 || coolDown < 0 || !(leastGain >= 0 && leastGain <= 1) || !(safety >= 1)) {
                throw new IllegalArgumentException("interval %d, horizon %d, least gain %s, safety %s, cool-down %d"
                        .formatted(interval, horizon, leastGain, safety, coolDown));
            }
        }

        /** A gain of at least 5 % of a step and twice the cost; a layout that was left rests for eight intervals. */
        public static Settings of(int interval, int horizon) {
            return new Settings(
                    interval,
                    horizon,
                    LEAST_GAIN,
                    SAFETY,
                    (int) Math.min(Integer.MAX_VALUE, (long) INTERVALS_TO_COOL_DOWN * interval));
        }
    }

    public ChangeRule(Settings settings) {
        this.settings = settings;
    }

    /** The limits. */
    public Settings settings() {
        return settings;
    }

    /** Whether enough steps have gone by since the last change. */
    public boolean mayChange(int step) {
        return lastChange == Integer.MIN_VALUE || (long) step - lastChange >= settings.interval();
    }

    /**
     * What a change gains over the steps to come, less its cost with the margin of safety; the larger the better.
     *
     * @param remaining decode steps that may follow
     * @param presentMs time of a step on the present layout
     * @param newMs time of a step on the new one
     * @param costMs time that the change costs
     * @return milliseconds; 0 or less if the change is not worth it
     */
    public double netGainMs(int remaining, double presentMs, double newMs, double costMs) {
        double gain = presentMs - newMs;
        if (!(gain > settings.leastGain() * presentMs)) {
            return 0;
        }
        return gain * Math.min(remaining, settings.horizon()) - settings.safety() * costMs;
    }

    /**
     * Whether to change.
     *
     * @param step decode steps so far
     * @param layout the new layout; equal ones are the same layout
     * @param netGainMs as {@link #netGainMs} says
     */
    public boolean accepts(int step, Object layout, double netGainMs) {
        return netGainMs > 0 && mayChange(step) && !avoids(step, layout);
    }

    /** Whether a layout was left, or failed, not long ago. */
    public boolean avoids(int step, Object layout) {
        return step < avoidedUntil.getOrDefault(layout, Integer.MIN_VALUE);
    }

    /**
     * Notes a change: the layout that the run left, or the one that it tried to reach and could not set up, is avoided
     * for the cool-down.
     *
     * @param step decode steps so far
     * @param layout the layout to avoid
     */
    public void avoid(int step, Object layout) {
        lastChange = step;
        avoidedUntil.put(layout, (int) Math.min(Integer.MAX_VALUE, (long) step + settings.coolDown()));
    }
}
