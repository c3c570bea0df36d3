package io.maseparation.parallel.engine;

import io.maseparation.moe.Sampler;
import io.maseparation.parallel.execute.rank.KvTable;
import io.maseparation.parallel.execute.rank.Slot;
import java.util.Arrays;
import java.util.Objects;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A sequence on its way: what it is to generate, how far it is, and where it runs. Its positions are {@code depth} that
 * nobody computed, the prompt, and its output but the last token. Used by the loop's thread alone once it is added.
 */
public final class Sequence {
    /**
     * What is to be generated.
     *
     * @param number of the sequence among those that share a seed
     * @param prompt token ids, at least one
     * @param depth positions before the prompt
     * @param maxTokens tokens to generate, at least 1
     * @param sampler how they are chosen
     * @param promptLogits whether the logits of the prompt's last position are kept
     */
    public record Task(int number, int[] prompt, int depth, int maxTokens, Sampler sampler, boolean promptLogits) {
        /** {@return positions in the KV cache: the last token is never fed back} */
        public int positions() {
            return depth + prompt.length + maxTokens - 1;
        }
    }

    /**
     * Where a sequence runs.
     *
     * @param known positions, from the first on, that were there when it came
     * @param pooled whether the table comes from the group's pool
     */
    record Place(int group, int microBatch, KvTable table, int known, boolean pooled) {
        Place in(Lane lane) {
            return new Place(group, lane.microBatch, table, known, pooled);
        }
    }

    final Task task;
    final Recipient recipient;
    /** When it is to end at the latest, by {@link System#nanoTime}. */
    final long deadline;
    final boolean hasDeadline;

    /** Slot that it runs in; −1 while it waits. */
    int slot = -1;
    /** Counts admissions; the youngest has the largest. */
    long admitted;
    @Nullable
    Place place;
    @Nullable
    Lane lane;
    /** Position that its next row has. */
    int next;
    /** Positions of its prompt that are in the cache on all ranks. */
    int written;
    /** Step of its lane that it had rows in last. */
    long lastStep;
    /** Steps with rows of it that have not ended. */
    int inFlight;
    /** Whether it has ended, and only waits for its last steps. */
    boolean ended;
    /** Whether it gives back its cache as soon as its last steps have ended. */
    boolean preempted;

    private int[] generated = new int[0];
    private int count;

    /**
     * A sequence that has not begun.
     *
     * @param task what is to be generated
     * @param recipient takes it
     */
    public Sequence(Task task, Recipient recipient) {
        this(task, recipient, 0, false);
    }

    Sequence(Task task, Recipient recipient, long deadline, boolean hasDeadline) {
        this.task = task;
        this.recipient = recipient;
        this.deadline = deadline;
        this.hasDeadline = hasDeadline;
        next = task.depth;
    }

    /** Position of the first token that it generates. */
    int promptEnd() {
        return task.depth + task.prompt.length;
    }

    boolean inPrompt() {
        return next < promptEnd();
    }

    /** Whether it has a row for the next step. */
    boolean hasRow() {
        return !ended && !preempted && next < task.positions();
    }

    /** The token at a position; −1 for one that is being sampled. */
    int token(int position) {
        int output = position - promptEnd();
        return output < 0 ? task.prompt[position - task.depth] : output < count ? generated[output] : -1;
    }

    /** Whether the logits of a position give a token that is not known yet. */
    boolean needsLogits(int position) {
        return position - promptEnd() + 1 >= count && position >= promptEnd() - 1;
    }

    /** Tokens generated so far. */
    int count() {
        return count;
    }

    void add(int token) {
        if (count == generated.length) {
            generated = Arrays.copyOf(generated, Math.min(task.maxTokens, 2 * count + 8));
        }
        generated[count++] = token;
    }

    Place place() {
        return Objects.requireNonNull(place, "a sequence that runs has a place");
    }

    Lane lane() {
        return Objects.requireNonNull(lane, "a sequence that runs has a lane");
    }

    /** What ranks have to know of it. */
    Slot forRanks() {
        int[] tokens = task.sampler.repetitionPenalty() == 1
                ? new int[0]
                : IntStream.concat(Arrays.stream(task.prompt), Arrays.stream(generated, 0, count)).toArray();
        return new Slot(
                task.number, task.sampler, task.promptLogits, promptEnd() - 1, place().table(), tokens);
    }
}
