package io.maseparation.parallel.adapt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.maseparation.kernels.DataType;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.Presets;
import io.maseparation.moe.Rope;
import io.maseparation.moe.Sampler;
import io.maseparation.parallel.Engine;
import io.maseparation.parallel.Model;
import io.maseparation.parallel.change.Changes;
import io.maseparation.parallel.change.LayoutChange;
import io.maseparation.parallel.change.LayoutChange.Kind;
import io.maseparation.parallel.change.LayoutPolicy;
import io.maseparation.parallel.change.LayoutPolicy.LiveState;
import io.maseparation.parallel.change.LayoutPolicy.Proposal;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.LaunchTimes;
import io.maseparation.parallel.cluster.Link;
import io.maseparation.parallel.cluster.Roofline;
import io.maseparation.parallel.engine.Completion;
import io.maseparation.parallel.engine.EngineLimits;
import io.maseparation.parallel.engine.GenerationRequest;
import io.maseparation.parallel.execute.PlanExecutor;
import io.maseparation.parallel.execute.SkewedWeights;
import io.maseparation.parallel.layout.ExpertGroups;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.PlanFile;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.run.ExecutionOptions;
import io.maseparation.parallel.run.Job;
import io.maseparation.parallel.run.RunResult;
import io.maseparation.parallel.run.Workload;
import io.maseparation.parallel.simulate.Conditions;
import io.maseparation.parallel.simulate.TestClusters;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class AdaptationTest {
    private static final ModelConfig TINY = Presets.config("tiny");

    /**
     * All time is in reading memory and in moving over links, both slow: layouts of a small model differ as a large
     * one's.
     */
    private static final Cluster SLOW = TestClusters.of(
            8, TestClusters.kind("slow", 80e9, new Roofline(1e8, 1e12, 1, 1),
                    new LaunchTimes(0, 0, 0)),
            new Link(1e-6, 1.5e7));

    private static final Conditions CONDITIONS = Conditions.USUAL.withFormats(DataType.F32, Float.BYTES);
    private static final Adaptation.Reach ALL = new Adaptation.Reach(true, true, true, 0);

    private static Adaptation adaptation(Adaptation.Reach reach) {
        return new Adaptation(SLOW, CONDITIONS, reach, ChangeRule.Settings.of(10, 1000));
    }

    private static LiveState state(Plan plan, int[] positions, int decoded, int remaining, long[] loads) {
        long[][] counts = new long[plan.config().layers().size()][];
        Arrays.setAll(counts, layer -> Arrays.stream(loads).map(l -> l * decoded).toArray());
        List<Integer> owners = IntStream.range(0, positions.length).mapToObj(i -> i % plan.groups()).toList();
        return new LiveState(plan, owners, positions, decoded, remaining, counts, 5);
    }

    @Test
    void anOrderOfAnotherModelOrOtherDevicesIsRefused() {
        LiveState state = state(Planning.plan(TINY, Layout.separated(1, 2)), new int[] {9, 9}, 5, 5, EVEN);
        Plan next = Planning.plan(TINY, Layout.separated(2, 1));
        assertThat(Orders.plan(6, PlanFile.of(next)).target().apply(state).setup()).isEqualTo(next.setup());
        assertThatThrownBy(() -> Orders.plan(6, PlanFile.of(next.withDevices(List.of(0, 2, 1)))).target().apply(state))
                .isInstanceOf(PlanException.class)
                .hasMessage("the plan is for devices [0, 2, 1], the run is on devices [0, 1, 2], where its ranks stay");
        PlanFile other = PlanFile.of(Planning.plan(Presets.config("seed"), Layout.separated(2, 1)));
        assertThatThrownBy(() -> Orders.plan(6, other).target().apply(state))
                .isInstanceOf(PlanException.class)
                .hasMessageStartingWith("the plan is for model seed (");
    }

    private static final long[] EVEN = {1, 1, 1, 1, 1, 1, 1, 1};
    /** Two experts of the same rank have nearly all rows. */
    private static final long[] SKEWED = {80, 80, 1, 1, 1, 1, 1, 1};

    @Test
    void hotExpertsOfOneRankComeApart() {
        Plan plan = Planning.plan(TINY, Layout.separated(1, 4));
        LiveState state = state(plan, new int[] {10, 10}, 20, 1000, SKEWED);
        Proposal proposal = adaptation(new Adaptation.Reach(true, false, false, 0)).propose(state).orElseThrow();

        assertThat(proposal.kind()).isEqualTo(Kind.EXPERTS);
        assertThat(proposal.gainMs()).as("of a step of 5 ms").isBetween(0.25, 4.0);
        assertThat(proposal.target().experts().orElseThrow().layers())
                .extracting(ExpertGroups.Layer::groupsOf)
                .allSatisfy(layer -> assertThat(layer.get(0)).isNotEqualTo(layer.get(1)));
    }

    /** One expert has nearly all rows and computes for long: a second place for it is worth more than any move. */
    @Test
    void anExpertThatIsTooHotForOneRankGetsReplicas() {
        Cluster computing = TestClusters.of(
                8, TestClusters.kind("computing", 80e9, new Roofline(1e12, 1e9, 1, 1),
                        new LaunchTimes(0, 0, 0)),
                new Link(0, 1e12));
        Plan plan = Planning.plan(TINY, Layout.separated(1, 4));
        // Enough rows to be divided among replicas: a few are not worth reading an expert twice.
        int[] positions = new int[2048];
        Arrays.fill(positions, 4);
        LiveState state = state(plan, positions, 20, 1000, new long[] {60, 8, 8, 8, 8, 8, 8, 8});
        Proposal proposal = new Adaptation(computing, CONDITIONS, new Adaptation.Reach(true, false, false, 4),
                ChangeRule.Settings.of(10, 1000)).propose(state).orElseThrow();

        assertThat(proposal.target().experts().orElseThrow().layers())
                .extracting(ExpertGroups.Layer::groupsOf)
                .allSatisfy(layer -> assertThat(layer.get(0)).hasSizeGreaterThan(1))
                .allSatisfy(layer -> assertThat(layer.stream().mapToInt(List::size).sum()).isEqualTo(12));
    }

    @Test
    void whatDoesNotPayIsNotProposed() {
        Plan plan = Planning.plan(TINY, Layout.separated(1, 4));
        Adaptation.Reach experts = new Adaptation.Reach(true, false, false, 0);
        assertThat(adaptation(experts).propose(state(plan, new int[] {10, 10}, 20, 1000, EVEN)))
                .as("even loads").isEmpty();
        assertThat(adaptation(experts).propose(state(plan, new int[] {10, 10}, 20, 1, SKEWED)))
                .as("one step is left").isEmpty();
        assertThat(adaptation(new Adaptation.Reach(false, false, false, 0))
                .propose(state(plan, new int[] {10, 10}, 20, 1000, SKEWED))).as("nothing may change").isEmpty();
    }

    @Test
    void sequencesLeaveTheGroupThatHasMore() {
        Plan plan = Planning.plan(TINY, Layout.separated(2, 1));
        // Those of group 1 have ended but one.
        int[] positions = {400, 0, 400, 0, 400, 400, 400, 0};
        LiveState even = state(plan, positions, 100, 1000, EVEN);
        List<Integer> owners = IntStream.range(0, 8).mapToObj(i -> positions[i] == 0 ? -1 : i % 2).toList();
        LiveState state = new LiveState(plan, owners, positions, 100, 1000, even.loads(), 5);
        Proposal proposal = adaptation(new Adaptation.Reach(false, true, false, 0)).propose(state).orElseThrow();

        assertThat(proposal.kind()).isEqualTo(Kind.SEQUENCES);
        List<Integer> next = proposal.target().owners().orElseThrow();
        assertThat(IntStream.range(0, 8).filter(i -> positions[i] > 0 && next.get(i) == 1).count()).isEqualTo(2);
        assertThat(IntStream.range(0, 8).filter(i -> positions[i] > 0 && !next.get(i).equals(owners.get(i))).count())
                .as("moves").isEqualTo(1);
    }

    @Test
    void longContextsTurnAnExpertRankIntoAnAttentionRankAndShortOnesTheOtherWay() {
        Adaptation.Reach ratio = new Adaptation.Reach(false, false, true, 0);
        int[] lengths = new int[8];
        Arrays.fill(lengths, 480);
        Plan fewAttention = Planning.plan(TINY, Layout.separated(1, 3));
        assertThat(adaptation(ratio).propose(state(fewAttention, lengths, 20, 1000, EVEN)).orElseThrow()
                .target().setup().layout().name()).isEqualTo("ma 2:2");
        Arrays.fill(lengths, 2);
        Plan fewExperts = Planning.plan(TINY, Layout.separated(3, 1));
        assertThat(adaptation(ratio).propose(state(fewExperts, lengths, 20, 1000, EVEN)).orElseThrow()
                .target().setup().layout().name()).as("two at once").isEqualTo("ma 1:3");
    }

    /** Contexts grow for thousands of steps under loads that change at random: the ratio goes one way, and seldom. */
    @Test
    void aRatioDoesNotOscillateUnderNoise() {
        SplittableRandom random = new SplittableRandom(4);
        Adaptation policy = adaptation(new Adaptation.Reach(false, false, true, 0));
        Plan plan = Planning.plan(TINY, Layout.separated(1, 3));
        List<Integer> owners = Collections.nCopies(8, 0);
        long[][] loads = new long[TINY.layers().size()][8];
        List<Integer> attention = new ArrayList<>(List.of(1));
        for (int step = 10; step < 3000; step += 10) {
            for (long[] layer : loads) {
                Arrays.setAll(layer, e -> layer[e] + random.nextInt(40));
            }
            int[] positions = new int[8];
            Arrays.fill(positions, 2 + step / 6);
            LiveState state = new LiveState(plan, owners, positions, step, 3000 - step, Arrays.stream(loads)
                    .map(long[]::clone).toArray(long[][]::new), 4 + 2 * random.nextDouble());
            Optional<Proposal> proposal = policy.propose(state);
            if (proposal.isPresent()) {
                Plan next = proposal.get().target().plan(plan);
                policy.ended(new LayoutChange(step, Kind.RATIO, plan.layout().name(), next.layout().name(),
                        1, LayoutChange.Cost.NONE, true, LayoutChange.SWITCHED), state);
                plan = next;
                owners = proposal.get().target().owners().orElseThrow();
                attention.add(((Layout.Separated) plan.layout()).attentionDevices());
            }
        }
        assertThat(attention).as("attention devices").hasSizeBetween(2, 4).isSorted();
    }

    /** The whole loop on the embedded device, deciding for itself: the tokens of a single device. */
    @Test
    void aRunThatDecidesForItselfGivesTheTokensOfASingleDevice() {
        assertTokensOfASingleDevice(TINY, List.of());
    }

    /** Requests on both sides of the border of the training's context, whose keys move with their angles. */
    @Test
    @Tag("long")
    void rotaryScalingChangesNothingAboutIt() {
        List<Changes.Ordered> orders = List.of(Orders.experts(100, 0));
        List<List<Integer>> plain = assertTokensOfASingleDevice(TINY, orders);
        List<Double> pairs = Collections.nCopies(8, 1.5);
        for (Rope.Scaling scaling : List.of(
                new Rope.Yarn(4, 16, 32, 1, true, 1.2), new Rope.Dynamic(8, 16),
                new Rope.LongRope(123, pairs, Collections.nCopies(8, 4.0), 1.3))) {
            ModelConfig.Attention of = TINY.attention();
            ModelConfig scaled = new ModelConfig(TINY.name(), TINY.family(), TINY.hidden(), TINY.vocabulary(),
                    new ModelConfig.Attention(of.heads(), of.maxPositions(), new Rope(of.rope().theta(), 1, scaling),
                            of.scale(), of.qkNorm(), of.qkvBias(), of.outputBias(), of.qkvClip()),
                    TINY.feedForward(), TINY.numerics(), TINY.layers());
            assertThat(assertTokensOfASingleDevice(scaled, orders)).as("%s", scaling).isNotEqualTo(plain);
        }
    }

    private static List<List<Integer>> assertTokensOfASingleDevice(
            ModelConfig config, List<Changes.Ordered> orders) {
        ModelWeights weights = SkewedWeights.create(config, 3, 2);
        List<int[]> prompts = IntStream.range(0, 6)
                .mapToObj(i -> IntStream.range(0, 3 + i / 4).map(t -> List.of(i + 1, 2 * i, 7, 5).get(t)).toArray())
                .toList();
        Workload workload = new Workload(prompts, 120, true, Workload.Ending.NEVER, Sampler.greedy(), false, 16, 0);
        Changes changes = new Changes(orders, Optional.of(adaptation(ALL)), Duration.ofMinutes(1));

        RunResult expected = run(Planning.plan(config, Layout.single()), weights, workload, Changes.NONE);
        RunResult actual = run(Planning.plan(config, Layout.separated(3, 2).withMicroBatches(2)), weights,
                workload, changes);

        assertThat(actual.changes()).hasSizeGreaterThan(orders.size()).allMatch(LayoutChange::made)
                .filteredOn(c -> c.predictedGainMs() > 0 && c.cost().bytesMoved() > 0)
                .as("decided for a gain").hasSizeGreaterThanOrEqualTo(actual.changes().size() - orders.size());
        assertThat(actual.outputs()).hasSameSizeAs(expected.outputs());
        for (int i = 0; i < prompts.size(); i++) {
            assertThat(actual.outputs().get(i).tokenIds())
                    .as("sequence %d after %s", i, actual.changes().stream().map(LayoutChange::toString)
                            .collect(Collectors.joining("; ")))
                    .isEqualTo(expected.outputs().get(i).tokenIds());
        }
        return expected.outputs().stream().map(RunResult.SequenceOutput::tokenIds).toList();
    }

    /** Orders come between the changes that a run decides on, and find the loads of the steps before them. */
    @Test
    void ordersAndDecisionsGoTogether() {
        ModelWeights weights = SkewedWeights.create(TINY, 3, 2);
        List<int[]> prompts = IntStream.range(0, 6).mapToObj(i -> new int[] {i + 1, 2 * i, 7}).toList();
        Workload workload = new Workload(prompts, 120, true, Workload.Ending.NEVER, Sampler.greedy(), false, 16, 0);
        Changes changes = new Changes(List.of(Orders.experts(100, 0)),
                Optional.of(adaptation(new Adaptation.Reach(false, false, true, 0))), Duration.ofMinutes(1));

        RunResult actual = run(Planning.plan(TINY, Layout.separated(4, 1)), weights, workload, changes);

        assertThat(actual.changes()).allMatch(LayoutChange::made).hasSizeGreaterThan(1);
        assertThat(actual.changes().getFirst().kind()).isEqualTo(Kind.RATIO);
        assertThat(actual.changes()).anySatisfy(change -> {
            assertThat(change.kind()).isEqualTo(Kind.EXPERTS);
            assertThat(change.step()).isBetween(100, 118);
            assertThat(change.cost().bytesMoved()).isPositive();
        });
    }

    /** Steps wait for decisions, and go slowly, so that changes come in time on a machine that is busy. */
    private static RunResult run(Plan plan, ModelWeights weights, Workload workload, Changes changes) {
        AtomicInteger deciding = new AtomicInteger();
        Changes watched = new Changes(
                changes.ordered(), changes.policy().map(p -> watched(p, deciding)), changes.patience());
        ExecutionOptions options = ExecutionOptions.defaults().withChanges(watched);
        if (!changes.isNone()) {
            options = options.withOnToken(sequence -> {
                do {
                    LockSupport.parkNanos(5_000_000);
                } while (deciding.get() > 0);
            });
        }
        try (PlanExecutor executor = new PlanExecutor(plan, new Job(weights, workload, options))) {
            return executor.run();
        }
    }

    private static LayoutPolicy watched(LayoutPolicy policy, AtomicInteger deciding) {
        return new LayoutPolicy() {
            @Override
            public int interval() {
                return policy.interval();
            }

            @Override
            public Optional<Proposal> propose(LiveState state) {
                deciding.incrementAndGet();
                try {
                    return policy.propose(state);
                } finally {
                    deciding.decrementAndGet();
                }
            }

            @Override
            public void ended(LayoutChange change, LiveState state) {
                policy.ended(change, state);
            }
        };
    }

    @Test
    void anEngineGoesThroughWhatIsProposedAndAnswersAsBefore() throws Exception {
        EngineLimits limits = EngineLimits.of(6, 600);
        List<GenerationRequest> requests = IntStream.range(0, 9)
                .mapToObj(i -> GenerationRequest.ids(i + 1, 2).withMaxTokens(80 + 40 * i).ignoringEos())
                .toList();
        ExecutionOptions options = ExecutionOptions.defaults();
        try (Model model = Model.preset("tiny", 3);
                Engine still = Engine.start(model, Layout.single(), limits, options);
                Engine changes = Engine.start(model, Layout.separated(3, 1), limits, options.withChanges(
                        new Changes(List.of(), Optional.of(adaptation(ALL)), Duration.ofMinutes(1))))) {
            List<Completion> completions = requests.stream().map(changes::submit).toList();
            for (int i = 0; i < requests.size(); i++) {
                assertThat(completions.get(i).result().tokenIds()).as("request %d", i)
                        .isEqualTo(still.submit(requests.get(i)).result().tokenIds());
            }
            assertThat(changes.changes()).isNotEmpty().allMatch(LayoutChange::made);
        }
    }
}
