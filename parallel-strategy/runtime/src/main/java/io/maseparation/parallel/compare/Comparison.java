package io.maseparation.parallel.compare;

import io.maseparation.files.ModelException;
import io.maseparation.parallel.Generation;
import io.maseparation.parallel.Model;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.layout.Strategy;
import io.maseparation.parallel.run.ExecutionOptions;
import io.maseparation.parallel.run.Percentiles;
import io.maseparation.parallel.run.RunResult;
import io.maseparation.parallel.run.Workload;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * The same work on several layouts. Each layout is warmed up first; then all take turns, every other round in reverse
 * order, so that a machine that gets slower or faster favours none. The tokens of every run are compared with those of
 * the first layout that can run.
 */
public final class Comparison {
    private static final int WARM_UP_TOKENS = 8;

    private final Workload workload;
    private final List<Entry> entries;

    /** One layout: its runs, or why it has none. */
    public static final class Entry {
        private final Setup setup;
        private final List<RunResult> runs = new ArrayList<>();
        private List<TokenCheck.Difference> differences = List.of();
        private Optional<String> refusal = Optional.empty();

        private Entry(Setup setup) {
            this.setup = Objects.requireNonNull(setup, "layouts has a null element");
        }

        /** {@return the layout, and how the batch goes through it} */
        public Setup setup() {
            return setup;
        }

        /** {@return whether it has runs} */
        public boolean ran() {
            return !runs.isEmpty();
        }

        /** {@return why it cannot run, where it cannot} */
        public Optional<String> refusal() {
            return refusal;
        }

        /**
         * {@return the run with the median TPOT}
         *
         * @throws IllegalStateException if the layout has no runs
         */
        public RunResult typical() {
            if (!ran()) {
                throw new IllegalStateException("%s has no run: %s".formatted(setup.name(), refusal.orElse("")));
            }
            return Percentiles.medianRun(runs, run -> run.metrics().tpotMs());
        }

        /** {@return first tokens of sequences that are not those of the reference} */
        public List<TokenCheck.Difference> differences() {
            return differences;
        }

        /** {@return whether all tokens are those of the reference, except at near ties where the layout may differ} */
        public boolean equal() {
            return differences.stream().allMatch(TokenCheck.Difference::allowed);
        }
    }

    private Comparison(Workload workload, List<Entry> entries) {
        this.workload = workload;
        this.entries = entries;
    }

    /**
     * {@return tokens that a comparison generates over all its runs, warm-up included, if all layouts can run}
     *
     * @param workload what to generate
     * @param layouts number of layouts
     * @param repetitions runs of each layout, after one that warms up
     */
    public static long tokens(Workload workload, int layouts, int repetitions) {
        return layouts
                * (warmUp(workload).stream().mapToLong(n -> n).sum() + repetitions * workload.allTokens());
    }

    private static List<Integer> warmUp(Workload workload) {
        return workload.limits().stream().map(n -> Math.min(n, WARM_UP_TOKENS)).toList();
    }

    /**
     * Runs a workload on some layouts, greedily and ignoring end-of-sequence tokens.
     *
     * @param model the model
     * @param workload what to generate
     * @param layouts layouts to compare
     * @param execution how plans are run
     * @param repetitions runs of each layout, at least 1, after one that warms up
     * @param before called with a layout before every run
     * @return all layouts with their runs, or the reason why they have none
     * @throws PlanException if none of the layouts can run; it says why the first cannot
     * @throws ModelException if there are no repetitions
     */
    public static Comparison run(
            Model model,
            Workload workload,
            List<Setup> layouts,
            ExecutionOptions execution,
            int repetitions,
            Consumer<Setup> before) {
        Objects.requireNonNull(model, "model");
        Objects.requireNonNull(workload, "workload");
        Objects.requireNonNull(layouts, "layouts");
        Objects.requireNonNull(execution, "execution");
        Objects.requireNonNull(before, "before");
        if (layouts.isEmpty()) {
            throw new PlanException("no layout to compare: there must be at least one");
        }
        if (repetitions < 1) {
            throw new ModelException("'repetitions' must be at least 1, is " + repetitions);
        }
        List<Entry> entries = layouts.stream().map(Entry::new).toList();
        Generation generation = Generation.of(model)
                .prompts(workload.prompts())
                .ignoringEos()
                .prefillChunk(workload.prefillChunk())
                .depth(workload.depth())
                .execution(execution)
                .limits(warmUp(workload));
        entries.forEach(entry -> run(generation, entry, before));
        generation.limits(workload.limits());
        List<Entry> order = new ArrayList<>(entries);
        for (int round = 0; round < repetitions; round++) {
            // The cache of the whole run can be too large where that of the warm-up was not.
            order.stream().filter(e -> e.refusal.isEmpty()).forEach(
                    entry -> run(generation, entry, before).ifPresent(entry.runs::add));
            order = order.reversed();
        }
        if (entries.stream().noneMatch(Entry::ran)) {
            throw new PlanException("no strategy can run: " + entries.getFirst().refusal.orElse("there is none"));
        }
        Comparison comparison = new Comparison(workload, entries);
        comparison.check(new TokenCheck(model.weights(), execution, workload));
        return comparison;
    }

    /** What a layout needs may be refused when it is planned or when its weights and caches are laid out. */
    private static Optional<RunResult> run(Generation generation, Entry entry, Consumer<Setup> before) {
        before.accept(entry.setup);
        try {
            return Optional.of(generation.layout(entry.setup).run());
        } catch (PlanException | ModelException e) {
            entry.refusal = Optional.of(Objects.requireNonNull(e.getMessage(), "it says what does not fit"));
            return Optional.empty();
        }
    }

    /** Whether sums of one layout may be added up in another order than those of the other. */
    static boolean roundDifferently(Layout one, Layout other) {
        return !one.equals(other) && (one.splitsSums() || other.splitsSums());
    }

    private void check(TokenCheck check) {
        Entry reference = reference();
        for (Entry entry : entries) {
            boolean rounding = roundDifferently(entry.setup.layout(), reference.setup.layout());
            List<TokenCheck.Difference> differences = new ArrayList<>();
            for (int i = 0; i < entry.runs.size(); i++) {
                // A layout repeats itself bit for bit, so that the reference need not be asked again.
                boolean repeated =
                        i > 0 && check.compare(entry.runs.getFirst(), entry.runs.get(i), false).isEmpty();
                if (!repeated) {
                    differences.addAll(check.compare(reference.runs.getFirst(), entry.runs.get(i), rounding));
                }
            }
            entry.differences = differences;
        }
    }

    /** {@return what was run} */
    public Workload workload() {
        return workload;
    }

    /** {@return one entry per layout, in the order given} */
    public List<Entry> entries() {
        return entries;
    }

    /** {@return the entry that the others' tokens are compared with} */
    public Entry reference() {
        return entries.stream().filter(Entry::ran).findFirst().orElseThrow();
    }

    /** {@return whether all layouts chose the same tokens, except at near ties where they may differ} */
    public boolean equal() {
        return entries.stream().allMatch(Entry::equal);
    }

    /**
     * {@return mean time in milliseconds between tokens on a single device, in the typical run; NaN if it did not run}
     */
    public double singleTpotMs() {
        Entry first = entries.getFirst();
        return first.ran() && first.setup.layout().strategy() == Strategy.SINGLE
                ? first.typical().metrics().tpotMs()
                : Double.NaN;
    }
}
