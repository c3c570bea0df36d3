package io.maseparation.parallel.engine;

import io.maseparation.parallel.execute.rank.Batch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The sequences of one group and micro-batch, and the rows that they have in the next step. */
final class Lane {
    final int group;
    final int microBatch;
    final List<Sequence> running = new ArrayList<>();
    /** Positions of all of them together, when they have all their tokens. */
    long positions;
    /** Blocks of all of them together, a block that several have counted for each. */
    private int blocks;

    private final int firstRow;
    private final int mostPromptRows;
    private final int mostSequences;
    private final int mostBlocks;
    /** Number of the step that is being made. */
    private long steps;

    private int rows;
    private int needed;
    private int[] sequences = new int[0];
    private int[] at = new int[0];
    private int[] tokens = new int[0];
    private int[] outputs = new int[0];

    /**
     * @param firstRow index of its first row in the group's buffers
     * @param mostPromptRows most prompt tokens of a step
     * @param mostSequences most sequences
     * @param mostBlocks most blocks in the tables of a step
     */
    Lane(int group, int microBatch, int firstRow, int mostPromptRows, int mostSequences, int mostBlocks) {
        this.group = group;
        this.microBatch = microBatch;
        this.firstRow = firstRow;
        this.mostPromptRows = mostPromptRows;
        this.mostSequences = mostSequences;
        this.mostBlocks = mostBlocks;
    }

    /** Whether its sequences may have so many blocks more. */
    boolean holds(int more) {
        return blocks + more <= mostBlocks;
    }

    /** One of its sequences has so many blocks more. */
    void grow(int more) {
        blocks += more;
    }

    boolean full() {
        return running.size() >= mostSequences;
    }

    void add(Sequence sequence) {
        running.add(sequence);
        positions += sequence.task.positions();
        blocks += sequence.place().table().count();
        sequence.lane = this;
        sequence.lastStep = 0;
    }

    void remove(Sequence sequence) {
        running.remove(sequence);
        positions -= sequence.task.positions();
        blocks -= sequence.place().table().count();
        sequence.lane = null;
    }

    /** Whether any sequence has prompt tokens left. */
    boolean hasPrompts() {
        for (Sequence sequence : running) {
            if (sequence.hasRow() && sequence.inPrompt()) {
                return true;
            }
        }
        return false;
    }

    boolean hasRows() {
        for (Sequence sequence : running) {
            if (sequence.hasRow()) {
                return true;
            }
        }
        return false;
    }

    /** Says whether there is room in the cache for a sequence's next position. */
    interface Reach {
        boolean at(Sequence sequence, int position);
    }

    /**
     * The rows of the next step, those of prompts first.
     *
     * @param takePrompts whether it takes prompts in
     * @param decode whether each sequence beyond its prompt has a row
     * @param members takes the sequences with rows
     */
    Batch next(boolean takePrompts, boolean decode, Reach reach, List<Sequence> members) {
        steps++;
        rows = 0;
        needed = 0;
        if (takePrompts) {
            addRows(true, reach, members);
        }
        int promptRows = rows;
        if (decode) {
            addRows(false, reach, members);
        }
        if (rows == 0) {
            return Batch.empty(firstRow);
        }
        return new Batch(
                firstRow,
                promptRows,
                Arrays.copyOf(sequences, rows),
                Arrays.copyOf(at, rows),
                Arrays.copyOf(tokens, rows),
                Arrays.copyOf(outputs, needed));
    }

    /** Adds rows of sequences in their prompts, or of those beyond, in the order of arrival. */
    private void addRows(boolean inPrompts, Reach reach, List<Sequence> members) {
        for (int i = 0; i < running.size(); i++) {
            Sequence sequence = running.get(i);
            if (!sequence.hasRow() || sequence.inPrompt() != inPrompts) {
                continue;
            }
            if (sequence.lastStep == steps) {
                // Its prompt ends in this step: the token that goes on is not known before the next one.
                continue;
            }
            int end = inPrompts
                    ? Math.min(sequence.promptEnd(), sequence.next + mostPromptRows - rows)
                    : sequence.next + 1;
            if (end == sequence.next || !reach.at(sequence, end - 1)) {
                continue;
            }
            sequence.lastStep = steps;
            members.add(sequence);
            sequence.inFlight++;
            ensure(end - sequence.next);
            for (; sequence.next < end; sequence.next++) {
                if (sequence.needsLogits(sequence.next)) {
                    outputs[needed++] = rows;
                }
                sequences[rows] = sequence.slot;
                at[rows] = sequence.next;
                tokens[rows++] = sequence.token(sequence.next);
            }
        }
    }

    private void ensure(int more) {
        if (rows + more > sequences.length) {
            int length = Math.max(rows + more, 2 * sequences.length);
            sequences = Arrays.copyOf(sequences, length);
            at = Arrays.copyOf(at, length);
            tokens = Arrays.copyOf(tokens, length);
            outputs = Arrays.copyOf(outputs, length);
        }
    }
}
