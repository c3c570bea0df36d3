package io.maseparation.parallel.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.Presets;
import io.maseparation.moe.RandomWeights;
import io.maseparation.moe.segments.Device;
import io.maseparation.parallel.change.Changes;
import io.maseparation.parallel.change.LayoutChange;
import io.maseparation.parallel.change.LayoutChange.Kind;
import io.maseparation.parallel.change.LayoutPolicy;
import io.maseparation.parallel.execute.TestDevices;
import io.maseparation.parallel.layout.ExpertGroups;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.layout.Target;
import io.maseparation.parallel.run.ExecutionOptions;
import io.maseparation.parallel.run.RunFailedException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** An engine goes from layout to layout while requests run; {@link BatchInvarianceTest} does so at random. */
@Timeout(60)
class EngineChangesTest {
    private static final ModelWeights TINY = RandomWeights.create(Presets.config("tiny"), 6);
    private static final EngineLimits LIMITS = EngineLimits.of(4, 200);
    private static final Setup TWO_TWO = Layout.separated(2, 2).withMicroBatches(2);

    private static GenerationRequest request(int number) {
        return GenerationRequest.ids(number, 2, 3).withMaxTokens(90).ignoringEos();
    }

    private static EngineCore start(List<Device> devices, Changes changes) {
        return Engines.start(TINY, TWO_TWO, LIMITS,
                ExecutionOptions.defaults().withDevices(devices).withChanges(changes), BlockPool::new);
    }

    private static Changes by(LayoutPolicy policy) {
        return new Changes(List.of(), Optional.of(policy), Duration.ofMinutes(1));
    }

    private static Target swapped(Plan plan) {
        int groups = plan.placement().groups();
        return new Target(plan.setup(), Optional.of(new ExpertGroups(plan.placement().experts().layers().stream()
                .map(layer -> new ExpertGroups.Layer(layer.groupsOf().stream()
                        .map(of -> of.stream().map(g -> (g + 1) % groups).toList())
                        .toList()))
                .toList())), Optional.empty());
    }

    private static void answersAsAlone(EngineCore engine) throws InterruptedException {
        List<Completion> completions = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            completions.add(engine.submit(request(i)));
        }
        try (EngineCore alone = Engines.start(TINY, TWO_TWO, EngineLimits.of(1, 200))) {
            for (int i = 0; i < 4; i++) {
                assertThat(completions.get(i).result().tokenIds()).as("request %d", i)
                        .isEqualTo(alone.submit(request(i)).result().tokenIds());
            }
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void ratioExpertsAndSequencesChangeWhileRequestsRun(boolean memoryApart) throws Exception {
        Changes changes = Changes.at(
                new Changes.Ordered(12, Kind.RATIO, state -> Target.ratio(state.plan().setup(), 1, 3)),
                new Changes.Ordered(24, Kind.EXPERTS, state -> swapped(state.plan())),
                new Changes.Ordered(36, Kind.RATIO, state -> Target.ratio(state.plan().setup(), 3, 1)),
                new Changes.Ordered(48, Kind.SEQUENCES, state -> new Target(state.plan().setup(), Optional.empty(),
                        Optional.of(state.owners().stream().map(group -> (group + 1) % 3).toList()))));
        try (EngineCore engine = start(memoryApart ? TestDevices.strict(4) : Device.forRanks(4), changes)) {
            answersAsAlone(engine);
            assertThat(engine.changes()).hasSize(4).allMatch(LayoutChange::made);
            assertThat(engine.changes().getFirst()).hasToString("step 12: ratio from ma 2:2 to ma 1:3: switched");
            assertThat(engine.plan().layout().name()).isEqualTo("ma 3:1");
            if (!memoryApart) {
                // Keys and values went along.
                assertThat(engine.changes().getLast().cost().bytesMoved()).isPositive();
            }
            Engines.assertComesToRest(engine);
            // It goes on with the last layout.
            answersAsAlone(engine);
        }
    }

    @Test
    void theOnlyRequestGoesOnWhereItsGroupIsNoMore() throws Exception {
        Changes changes = Changes.at(
                new Changes.Ordered(20, Kind.RATIO, state -> Target.ratio(state.plan().setup(), 1, 3)));
        List<Integer> expected;
        try (EngineCore alone = Engines.start(TINY, TWO_TWO, EngineLimits.of(1, 200))) {
            expected = alone.submit(request(1)).result().tokenIds();
        }
        try (EngineCore engine = start(TestDevices.strict(4), changes)) {
            // Which takes the first group for a while.
            Completion first = engine.submit(request(0).withMaxTokens(5));
            assertThat(engine.submit(request(1)).result().tokenIds()).isEqualTo(expected);
            assertThat(first.result().tokenIds()).hasSize(5);
            assertThat(engine.changes()).hasSize(1).allMatch(LayoutChange::made);
        }
    }

    @Test
    void whatCannotBeDoneLeavesTheLayoutAsItIs() throws Exception {
        Changes changes = Changes.at(
                new Changes.Ordered(10, Kind.RATIO, state -> Target.ratio(state.plan().setup(), 3, 3)),
                new Changes.Ordered(20, Kind.EXPERTS, state -> {
                    throw new IllegalStateException("planted");
                }));
        try (EngineCore engine = start(TestDevices.strict(4), changes)) {
            answersAsAlone(engine);
            assertThat(engine.changes()).noneMatch(LayoutChange::made).extracting(LayoutChange::outcome)
                    .satisfiesExactly(
                            refused -> assertThat(refused).startsWith("refused: a run on ma 2:2 cannot go on with"),
                            failed -> assertThat(failed).isEqualTo("failed: IllegalStateException: planted"));
            assertThat(engine.plan().layout().name()).isEqualTo("ma 2:2");
        }
    }

    @Test
    void aPolicyThatFailsToLearnWhatBecameOfAChangeEndsTheEngine() {
        LayoutPolicy fails = new LayoutPolicy() {
            @Override
            public int interval() {
                return 3;
            }

            @Override
            public Optional<Proposal> propose(LiveState state) {
                return Optional.of(new Proposal(swapped(state.plan()), Kind.EXPERTS, 1));
            }

            @Override
            public void ended(LayoutChange change, LiveState state) {
                throw new IllegalStateException("planted");
            }
        };
        try (EngineCore engine = start(TestDevices.strict(4), by(fails))) {
            // However long it takes until a layout is ready.
            assertThatThrownBy(() -> {
                while (true) {
                    engine.submit(request(1)).result();
                }
            })
                    .isInstanceOf(RunFailedException.class)
                    .hasMessage("the policy of layout changes failed: java.lang.IllegalStateException: planted");
        }
    }

    @SuppressWarnings("try") // closed within, which the test is about
    @Test
    void aPolicyThatDragsOnHoldsUpNeitherRequestsNorTheEnd() throws Exception {
        CountDownLatch asked = new CountDownLatch(1);
        CountDownLatch interrupted = new CountDownLatch(1);
        LayoutPolicy dragsOn = new LayoutPolicy() {
            @Override
            public int interval() {
                return 3;
            }

            @Override
            public Optional<Proposal> propose(LiveState state) {
                asked.countDown();
                try {
                    new CountDownLatch(1).await();
                } catch (InterruptedException e) {
                    interrupted.countDown();
                }
                return Optional.empty();
            }

            @Override
            public void ended(LayoutChange change, LiveState state) {
                throw new IllegalStateException("there was no change");
            }
        };
        try (EngineCore engine = start(TestDevices.strict(4), by(dragsOn))) {
            answersAsAlone(engine);
            assertThat(asked.getCount()).isZero();
            assertThat(interrupted.getCount()).isOne();
            engine.close();
            assertThat(engine.isAtRest()).isTrue();
            assertThat(interrupted.await(20, TimeUnit.SECONDS)).isTrue();
        }
    }
}
