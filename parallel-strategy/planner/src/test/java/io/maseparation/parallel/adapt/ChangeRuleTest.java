package io.maseparation.parallel.adapt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

class ChangeRuleTest {
    private static final int STEPS = 3000;

    /** Any times, as wild as they may be: changes keep their distance and nothing comes back within the cool-down. */
    @Property(tries = 100)
    void changesAreFewAndDoNotOscillate(@ForAll long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        ChangeRule.Settings settings = new ChangeRule.Settings(1 + random.nextInt(50), 1 + random.nextInt(2000),
                random.nextDouble() * 0.2, 1 + random.nextDouble(), random.nextInt(500));
        ChangeRule rule = new ChangeRule(settings);
        int layouts = 2 + random.nextInt(3);
        int present = 0;
        int lastChange = -1;
        Map<Integer, Integer> left = new HashMap<>();
        for (int step = 0; step < STEPS; step++) {
            int other = random.nextInt(layouts);
            double net = rule.netGainMs(STEPS - step, 1 + random.nextDouble(), 1 + random.nextDouble(),
                    random.nextDouble());
            if (other == present || !rule.accepts(step, other, net)) {
                continue;
            }
            if (lastChange >= 0) {
                assertThat(step - lastChange).as("distance").isGreaterThanOrEqualTo(settings.interval());
            }
            if (left.containsKey(other)) {
                assertThat(step - left.get(other)).as("time away").isGreaterThanOrEqualTo(settings.coolDown());
            }
            if (random.nextInt(4) == 0) {
                rule.avoid(step, other);
                left.put(other, step);
            } else {
                rule.avoid(step, present);
                left.put(present, step);
                present = other;
            }
            lastChange = step;
        }
        assertThat(lastChange).as("the rule agrees at times").isNotNegative();
    }

    /** Two layouts that are as good as each other, measured with noise: the rule stays where it is. */
    @Property(tries = 100)
    void noiseWithinTheHysteresisChangesNothing(@ForAll long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        ChangeRule rule = new ChangeRule(ChangeRule.Settings.of(1 + random.nextInt(50), 1000));
        double noise = rule.settings().leastGain() / 2;
        for (int step = 0; step < STEPS; step++) {
            double here = 10 * (1 + noise * (random.nextDouble() - 0.5));
            double there = 10 * (1 + noise * (random.nextDouble() - 0.5));
            assertThat(rule.accepts(step, "other", rule.netGainMs(STEPS, here, there, 0))).isFalse();
        }
    }

    /** With noise above the hysteresis a run goes back and forth, but no more often than the cool-down allows. */
    @Property(tries = 50)
    void noiseBeyondItChangesNoFasterThanTheCoolDown(@ForAll long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        ChangeRule rule = new ChangeRule(ChangeRule.Settings.of(10, 1000));
        int present = 0;
        int changes = 0;
        for (int step = 0; step < STEPS; step++) {
            double net = rule.netGainMs(STEPS, 5 + 10 * random.nextDouble(), 5 + 10 * random.nextDouble(), 0);
            if (rule.accepts(step, 1 - present, net)) {
                rule.avoid(step, present);
                present = 1 - present;
                changes++;
            }
        }
        assertThat(changes).isBetween(2, 2 + STEPS / rule.settings().coolDown());
    }

    @Test
    void aGainMustPayForItsCostOverTheStepsThatAreLeft() {
        ChangeRule rule = new ChangeRule(new ChangeRule.Settings(10, 100, 0.05, 2, 50));
        assertThat(rule.netGainMs(1000, 10, 9, 49)).as("100 steps of 1 ms, twice 49 ms").isEqualTo(2);
        assertThat(rule.netGainMs(1000, 10, 9, 51)).isNegative();
        assertThat(rule.netGainMs(20, 10, 9, 11)).as("20 steps are left").isNegative();
        assertThat(rule.netGainMs(1000, 10, 9.6, 0)).as("less than 5 %").isZero();
        assertThat(rule.netGainMs(1000, 10, 11, 0)).isZero();
        assertThat(rule.netGainMs(1000, Double.NaN, 9, 0)).isZero();
        assertThatThrownBy(() -> new ChangeRule.Settings(0, 1, 0, 1, 0)).isInstanceOf(IllegalArgumentException.class);
    }
}
