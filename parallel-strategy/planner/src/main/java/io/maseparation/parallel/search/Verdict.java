package io.maseparation.parallel.search;

import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Role;
import io.maseparation.parallel.simulate.SimulationResult;
import io.maseparation.parallel.simulate.SimulationResult.Regime;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * What a search says about separating attention from experts.
 *
 * @param answer whether it pays
 * @param regime what the critical path of the best plan mostly consists of
 * @param objective what is compared
 * @param gain what the best separated layout gains over the best colocated one: for {@link Objective#TPS} the share of
 *     tokens per second that it has more, for the other objectives the share of time or money that it needs less;
 *     negative if it loses, NaN if only one of them exists
 * @param changes scores of the leaders under other circumstances
 * @param bound why pools of identical devices cannot win; empty if the devices differ
 * @param sentences all of this in words; the first two say whether separation pays and what bounds the best plan
 * @param complete whether the time of the search sufficed for all changes
 */
public record Verdict(
        Answer answer,
        Regime regime,
        Objective objective,
        double gain,
        List<Change> changes,
        Optional<PoolBound> bound,
        List<String> sentences,
        boolean complete) {
    /** Smaller differences count as none, since short simulations are this noisy. */
    private static final double EQUAL = 0.01;

    /** Whether separation pays. */
    public enum Answer {
        /** The best separated layout is better than every other. */
        PAYS("separation pays"),
        /** Both differ by at most a hundredth. */
        EQUAL("separation makes no difference"),
        /** A colocated layout is better. */
        DOES_NOT_PAY("separation does not pay"),
        /** No separated layout is possible. */
        IMPOSSIBLE("separation is not possible"),
        /** Only separated layouts are possible. */
        NECESSARY("only separation is possible"),
        /** The search ended before it had a plan of both. */
        UNKNOWN("time ran out before it could be told whether separation pays");

        private final String words;

        Answer(String words) {
            this.words = words;
        }

        /** {@return the answer in words} */
        public String words() {
            return words;
        }
    }

    /**
     * A change of circumstances and the best scores of the leaders under it; less is better.
     *
     * @param what the change, in words
     * @param separated best score of the separated layouts
     * @param colocated best score of all other layouts
     */
    public record Change(String what, double separated, double colocated) {
        /**
         * {@return the gain of separation under the change, as {@link Verdict#gain}}
         *
         * @param objective what the scores are of
         */
        public double gain(Objective objective) {
            return objective.gain(separated, colocated);
        }

        /**
         * {@return whether separation pays under the change}
         *
         * @param objective what the scores are of
         */
        public Answer answer(Objective objective) {
            return judge(gain(objective));
        }
    }

    /**
     * Work of one step in device-milliseconds, and a bound for identical devices: pools of A and M devices take
     * max(a/A, e/M), which is never less than the (a + e)/(A + M) of devices that all do both kinds of work.
     *
     * @param attention a: device-milliseconds that attention ranks compute
     * @param expert e: device-milliseconds that expert ranks compute
     * @param attentionDevices A: devices in the pool for attention
     * @param expertDevices M: devices in the pool for experts
     * @param colocated a plan without pools, whose total work may differ from that of the one with them
     */
    public record PoolBound(
            double attention, double expert, int attentionDevices, int expertDevices, OwnWork colocated) {
        /** {@return least time of a step on the two pools, in milliseconds} */
        public double apartMs() {
            return Math.max(attention / attentionDevices, expert / expertDevices);
        }

        /** {@return least time of a step that is not separated, in milliseconds: no reported plan is faster} */
        public double togetherMs() {
            return colocated.leastMs();
        }
    }

    /**
     * What the devices of a plan compute in a step.
     *
     * @param plan the plan, in words
     * @param batch its sequences
     * @param work device-milliseconds that its ranks compute
     * @param devices number of them
     */
    public record OwnWork(String plan, int batch, double work, int devices) {
        static OwnWork of(Evaluation e) {
            double work = 0;
            for (SimulationResult.Rank rank : e.result().ranks()) {
                work += rank.busy() * e.result().tpotMs();
            }
            return new OwnWork(e.layout().setup().name(), e.batch(), work, e.layout().devices().size());
        }

        double leastMs() {
            return work / devices;
        }
    }

    /**
     * Judges what a search found, for which it simulates the leaders under other circumstances.
     *
     * @param found what the search found
     * @return the verdict
     */
    public static Verdict of(SearchResult found) {
        boolean both = found.best(LayoutKind.MA).isPresent() && found.bestColocated().isPresent();
        Verdict verdict = of(found, both ? WhatIf.of(found) : List.of());
        return new Verdict(
                verdict.answer(), verdict.regime(), verdict.objective(), verdict.gain(), verdict.changes(),
                verdict.bound(),
                verdict.sentences(), !both || !found.request().deadline().passed(1));
    }

    /** The verdict, given the leaders' scores under other circumstances. */
    static Verdict of(SearchResult found, List<Change> changes) {
        Optional<Evaluation> separated = found.best(LayoutKind.MA);
        Optional<Evaluation> colocated = found.bestColocated();
        SimulationResult best = found.best().result();
        Objective objective = found.request().goal().objective();
        double gain = separated.isPresent() && colocated.isPresent()
                ? objective.gain(separated.get().score(), colocated.get().score())
                : Double.NaN;
        Answer answer = found.untried().any() && Double.isNaN(gain)
                ? Answer.UNKNOWN
                : separated.isEmpty()
                        ? Answer.IMPOSSIBLE
                        : colocated.isEmpty() ? Answer.NECESSARY : judge(gain);
        Optional<PoolBound> bound = separated
                .filter(s -> s.layout().devices().stream()
                        .map(d -> found.request().cluster().devices().get(d).kind())
                        .distinct()
                        .count() == 1)
                .map(s -> poolBound(s.result(), together(found)));
        return new Verdict(answer, best.regime(), objective, gain, List.copyOf(changes), bound,
                sentences(found, answer, gain, best, changes, bound), true);
    }

    /** {@return all of it in words} */
    public String reason() {
        return String.join(" ", sentences);
    }

    private static Answer judge(double gain) {
        return gain > EQUAL ? Answer.PAYS : gain < -EQUAL ? Answer.DOES_NOT_PAY : Answer.EQUAL;
    }

    /** {@return the first change under which the answer is different; empty if there is none} */
    public Optional<Change> flip() {
        return flip(changes, answer, objective);
    }

    private static Optional<Change> flip(List<Change> changes, Answer answer, Objective objective) {
        return changes.stream().filter(c -> c.answer(objective) != answer).findFirst();
    }

    /**
     * The work of the best colocated plan, or of one that is faster than that work allows: one of another batch or on
     * other devices, or a separated one that saves work.
     */
    private static OwnWork together(SearchResult found) {
        OwnWork least = OwnWork.of(found.bestColocated().orElse(found.best()));
        for (LayoutKind kind : LayoutKind.values()) {
            Optional<Evaluation> printed = found.best(kind);
            if (printed.isPresent() && printed.get().result().tpotMs() < least.leastMs()) {
                least = OwnWork.of(printed.get());
            }
        }
        return least;
    }

    static PoolBound poolBound(SimulationResult separated, OwnWork colocated) {
        double attention = 0;
        double expert = 0;
        for (SimulationResult.Rank rank : separated.ranks()) {
            double work = rank.busy() * separated.tpotMs();
            if (rank.role() == Role.EXPERT) {
                expert += work;
            } else {
                attention += work;
            }
        }
        Layout.Separated layout = (Layout.Separated) separated.simulation().plan().layout();
        return new PoolBound(attention, expert, layout.attentionDevices(), layout.expertDevices(), colocated);
    }

    private static List<String> sentences(
            SearchResult found, Answer answer, double gain, SimulationResult best, List<Change> changes,
            Optional<PoolBound> bound) {
        List<String> text = new ArrayList<>();
        Optional<Evaluation> separated = found.best(LayoutKind.MA);
        Optional<Evaluation> colocated = found.bestColocated();
        if (separated.isPresent() && colocated.isPresent()) {
            text.add(String.format(Locale.ROOT,
                    "%s: the best separated layout, %s, comes to %s; the best colocated one, %s, to %s: %s with separation.",
                    soFar(found, answer), separated.get().layout().setup().name(),
                    result(found, separated.get()),
                    colocated.get().layout().setup().name(), result(found, colocated.get()),
                    difference(found, gain)));
        } else {
            text.add(String.format(Locale.ROOT, "%s on this cluster.", soFar(found, answer)));
        }
        double engine = best.criticalPath().getOrDefault(Regime.ENGINE, 0.0);
        text.add(String.format(Locale.ROOT,
                "The best plan is %s-bound: of its critical path %s is attention, %s experts, %s transfers and %s launches%s.",
                best.regime().id(),
                percent(best.criticalPath().getOrDefault(Regime.ATTENTION, 0.0)),
                percent(best.criticalPath().getOrDefault(Regime.EXPERT, 0.0)),
                percent(best.criticalPath().getOrDefault(Regime.TRANSFER, 0.0)),
                percent(best.criticalPath().getOrDefault(Regime.LAUNCH, 0.0)),
                engine > 0
                        ? ", %s the serving engine".formatted(percent(engine))
                        : ""));
        bound.ifPresent(b -> text.add(String.format(Locale.ROOT,
                "On identical devices two pools take at least as long as all devices doing the same work, max(a/A, e/M) >= (a + e)/(A + M):"
                        + " attention has a = %.2f and experts have e = %.2f device-ms of work per step; apart that takes at least %.3f ms"
                        + " on %d:%d. Together, the %.2f device-ms that %s has of its own work at batch %d take at least"
                        + " %.3f ms on its %d devices, so that separation can win only by saving waits, transfers or work.",
                b.attention(), b.expert(), b.apartMs(), b.attentionDevices(), b.expertDevices(),
                b.colocated().work(), b.colocated().plan(), b.colocated().batch(), b.togetherMs(),
                b.colocated().devices())));
        Objective objective = found.request().goal().objective();
        if (!changes.isEmpty()) {
            String tried = changes.stream()
                    .map(c -> "%s: %s".formatted(c.what(), difference(found, c.gain(objective))))
                    .collect(Collectors.joining("; "));
            text.add(flip(changes, answer, objective)
                    .map(c -> "With the same layouts the answer changes with %s: then %s. Tried: %s."
                            .formatted(c.what(), c.answer(objective).words(), tried))
                    .orElse("With the same layouts none of these changes the answer: %s.".formatted(tried)));
        }
        return text;
    }

    /** An answer that layouts without a try may change says so before all else. */
    private static String soFar(SearchResult found, Answer answer) {
        int untried = found.untried().bounded() + found.untried().simulated();
        return untried == 0 || answer == Answer.UNKNOWN
                ? capital(answer.words())
                : "So far, with %d of %d layouts not tried, %s".formatted(untried, found.candidates(), answer.words());
    }

    private static String capital(String words) {
        return words.substring(0, 1).toUpperCase(Locale.ROOT) + words.substring(1);
    }

    private static String result(SearchResult found, Evaluation e) {
        return switch (found.request().goal().objective()) {
            case TPOT -> String.format(Locale.ROOT, "%.3f ms per token", e.result().tpotMs());
            case TPS -> String.format(Locale.ROOT, "%.0f tokens/s (TPOT %.3f ms)", e.result().tps(),
                    e.result().tpotMs());
            case COST -> String.format(Locale.ROOT, "%.4f per million tokens (TPOT %.3f ms)",
                    e.result().speed().pricePerMillionTokens(), e.result().tpotMs());
        };
    }

    /** The gain in words. */
    private static String difference(SearchResult found, double gain) {
        return switch (found.request().goal().objective()) {
            case TPS -> signed(gain, "more", "fewer") + " tokens/s";
            case TPOT -> signed(-gain, "more", "less") + " time";
            case COST -> signed(-gain, "more", "less") + " money";
        };
    }

    private static String signed(double share, String more, String less) {
        return String.format(Locale.ROOT, "%.1f %% %s", 100 * Math.abs(share), share >= 0 ? more : less);
    }

    private static String percent(double share) {
        return String.format(Locale.ROOT, "%.0f %%", 100 * share);
    }
}
