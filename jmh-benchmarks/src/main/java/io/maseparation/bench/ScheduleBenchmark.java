package io.maseparation.bench;

import io.maseparation.moe.Presets;
import io.maseparation.moe.Sampler;
import io.maseparation.parallel.engine.Finish;
import io.maseparation.parallel.engine.Recipient;
import io.maseparation.parallel.engine.Schedule;
import io.maseparation.parallel.engine.Sequence;
import io.maseparation.parallel.execute.rank.Room;
import io.maseparation.parallel.execute.rank.Step;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.StepRows;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * How long an engine takes to decide what a decode step of 256 sequences is, and to pass on what it sampled: what is
 * not computed by ranks. Run it with {@code -prof gc} for what it allocates.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class ScheduleBenchmark {
    private static final int SEQUENCES = 256;
    private static final int TOKENS = 1 << 20;
    /** More than all sequences come to in an iteration. */
    private static final int POSITIONS = 1 << 26;

    /** Attention ranks, each with as many micro-batches as the next says. */
    @Param({"1", "3"})
    public int groups;

    /** Micro-batches of each group. */
    @Param({"1", "3"})
    public int microBatches;

    private Schedule schedule;
    private final List<Sequence> members = new ArrayList<>();
    private int step;

    /** Takes tokens and does nothing with them. */
    private static final Recipient QUIET = new Recipient() {
        @Override
        public void started() {}

        @Override
        public boolean token(int token, float @Nullable [] logits, long nanos) {
            return false;
        }

        @Override
        public void ended(Finish finish) {}

        @Override
        public void failed(int rank, RuntimeException cause) {
            throw cause;
        }
    };

    /** Lets all sequences in and takes their prompts; tokens are kept, so that it begins anew each time. */
    @Setup(Level.Iteration)
    public void begin() {
        Plan plan = Planning.plan(
                Presets.config("tiny"), Layout.separated(groups, 1).withMicroBatches(microBatches));
        int each = Math.ceilDiv(SEQUENCES, groups * microBatches);
        int[] positions = new int[groups];
        Arrays.fill(positions, POSITIONS);
        schedule = new Schedule(
                plan, new Room(StepRows.even(groups, microBatches, each, each), positions, List.of(TOKENS)), SEQUENCES,
                each, false);
        for (int i = 0; i < SEQUENCES; i++) {
            schedule.add(new Sequence(new Sequence.Task(i, new int[1], 0, TOKENS, Sampler.greedy(), false), QUIET));
        }
        step = 0;
        step();
    }

    /** {@return one step, from what runs to what was sampled} */
    @Benchmark
    public List<Step.Work> step() {
        schedule.admit();
        members.clear();
        List<Step.Work> work = schedule.next(false, members);
        if (members.size() != SEQUENCES) {
            throw new IllegalStateException(members.size() + " sequences");
        }
        for (int slot = 0; slot < SEQUENCES; slot++) {
            schedule.sampled(slot, step, 7, null, 0);
        }
        members.forEach(schedule::stepEnded);
        step++;
        return work;
    }
}
