package io.maseparation.parallel.execute;

import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.engine.Finish;
import io.maseparation.parallel.engine.Recipient;
import io.maseparation.parallel.engine.Sequence;
import io.maseparation.parallel.execute.rank.Deployment;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.run.TokenListener;
import io.maseparation.parallel.run.Workload;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** What the sequences of a run have generated so far. A sequence that fails ends the run. */
final class Collector {
    private final List<Output> outputs = new ArrayList<>();
    private final List<Sequence> sequences = new ArrayList<>();
    private final Supplier<Plan> plan;
    private final TokenListener listener;

    /** @param plan what the run is on */
    Collector(Workload workload, ModelConfig config, Supplier<Plan> plan, TokenListener listener) {
        this.plan = plan;
        this.listener = listener;
        for (int i = 0; i < workload.prompts().size(); i++) {
            outputs.add(new Output(i, workload.tracker(config)));
            sequences.add(new Sequence(
                    new Sequence.Task(i, workload.prompts().get(i), workload.depth(), workload.limits().get(i),
                            workload.sampling(), workload.promptLogits()),
                    outputs.get(i)));
        }
    }

    /** One sequence's part. */
    private final class Output implements Recipient {
        private final int number;
        private final Workload.Tracker ending;
        private final List<Integer> tokens = new ArrayList<>();
        private final List<Long> times = new ArrayList<>();
        private float @Nullable [] promptLogits;
        private boolean ended;

        Output(int number, Workload.Tracker ending) {
            this.number = number;
            this.ending = ending;
        }

        @Override
        public void started() {}

        @Override
        public boolean token(int token, float @Nullable [] logits, long nanos) {
            tokens.add(token);
            times.add(nanos);
            if (logits != null) {
                promptLogits = logits;
            }
            boolean ends = ending.endsWith(token);
            listener.token(number, token);
            return ends;
        }

        @Override
        public void ended(Finish finish) {
            ended = true;
            listener.ended(number);
        }

        @Override
        public void failed(int rank, RuntimeException cause) {
            if (rank < 0) {
                throw cause;
            }
            throw Deployment.failure(plan.get().ranks().get(rank), cause);
        }
    }

    /** The sequences, by number. */
    List<Sequence> sequences() {
        return sequences;
    }

    /** Whether each sequence goes on. */
    boolean[] active() {
        boolean[] active = new boolean[outputs.size()];
        for (int i = 0; i < active.length; i++) {
            active[i] = !outputs.get(i).ended;
        }
        return active;
    }

    /** Tokens of a sequence. */
    List<Integer> tokens(int sequence) {
        return List.copyOf(outputs.get(sequence).tokens);
    }

    /** When each of these tokens was sampled, in nanoseconds. */
    List<Long> times(int sequence) {
        return List.copyOf(outputs.get(sequence).times);
    }

    /** Logits of the prompt's last position, or null. */
    float @Nullable [] promptLogits(int sequence) {
        return outputs.get(sequence).promptLogits;
    }
}
