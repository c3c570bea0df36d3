package io.maseparation.parallel.adapt;

import java.util.HashMap;
import java.util.Map;

/**
 * Decides when a change of layout is worth its cost. A change must shorten a step noticeably (hysteresis) and gain more
 * over the steps to come than it costs; changes are some steps apart (bounded rate); and a layout that was left, or
 * that could not be set up, is not used again for a while (no oscillation).
 */
public final class ChangeRule {
    private final Settings settings;
    private final Map<Object, Integer> avoidedUntil = new HashMap<>();
    private int lastChange = Integer.MIN_VALUE;

    /**
     * Limits.
     *
     * @param interval least number of decode steps between two changes, at least 1
     * @param horizon largest number of decode steps over which a gain is counted, at least 1
     * @param leastGain least share of a step's time that a change must gain, 0 to 1
     * @param safety a change must gain this many times its cost, at least 1
     * @param coolDown decode steps for which a layout that was left is not used again, at least 0
     */
    public record Settings(int interval, int horizon, double leastGain, double safety, int coolDown) {
        /** Default of {@code interval}. */
        public static final int DEFAULT_INTERVAL = 32;

        /** Default of {@code horizon}. */
        public static final int DEFAULT_HORIZON = 1024;

        private static final double LEAST_GAIN = 0.05;
        private static final double SAFETY = 2;
        private static final int INTERVALS_TO_COOL_DOWN = 8;

        /**
         * Checks the limits.
         *
         * @throws IllegalArgumentException if one of them is out of its range
         */
        public Settings {
            if (interval < 1 || horizon < 1 || coolDown < 0 || !(leastGain >= 0 && leastGain <= 1) || !(safety >= 1)) {
                throw new IllegalArgumentException("interval %d, horizon %d, least gain %s, safety %s, cool-down %d"
                        .formatted(interval, horizon, leastGain, safety, coolDown));
            }
        }

        /**
         * {@return limits that ask for a gain of at least 5 % of a step and twice the cost, with a cool-down of eight
         * intervals}
         *
         * @param interval least number of decode steps between two changes, at least 1
         * @param horizon largest number of decode steps over which a gain is counted, at least 1
         */
        public static Settings of(int interval, int horizon) {
            return new Settings(
                    interval,
                    horizon,
                    LEAST_GAIN,
                    SAFETY,
                    (int) Math.min(Integer.MAX_VALUE, (long) INTERVALS_TO_COOL_DOWN * interval));
        }
    }

    /**
     * A rule for one run, which has not changed its layout yet.
     *
     * @param settings the limits
     */
    public ChangeRule(Settings settings) {
        this.settings = settings;
    }

    /** {@return the limits} */
    public Settings settings() {
        return settings;
    }

    /**
     * {@return whether enough steps have passed since the last change}
     *
     * @param step decode steps so far
     */
    public boolean mayChange(int step) {
        return lastChange == Integer.MIN_VALUE || (long) step - lastChange >= settings.interval();
    }

    /**
     * What a change gains over the steps to come, less its cost times the safety factor; the larger the better.
     *
     * @param remaining decode steps that may follow
     * @param presentMs time of a step on the present layout
     * @param newMs time of a step on the new layout
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
     * {@return whether to change}
     *
     * @param step decode steps so far
     * @param layout the new layout; equal objects are the same layout
     * @param netGainMs what {@link #netGainMs} returned
     */
    public boolean accepts(int step, Object layout, double netGainMs) {
        return netGainMs > 0 && mayChange(step) && !avoids(step, layout);
    }

    /**
     * {@return whether a layout was left, or could not be set up, within the cool-down}
     *
     * @param step decode steps so far
     * @param layout the layout
     */
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
