package io.maseparation.parallel.engine;

import io.maseparation.parallel.execute.rank.KvTable;
import java.util.Optional;

/**
 * The KV cache of a group of ranks: a fixed number of blocks that are handed out and come back. Whole blocks of prompts
 * that begin alike are handed out to several sequences at once.
 */
interface KvPool {
    /**
     * What the keys and values of a prompt follow from.
     *
     * @param tokens its tokens
     * @param angles what tells rotary angles of requests apart
     */
    record Prompt(int[] tokens, int angles) {}

    /** Positions of all blocks. */
    int size();

    /** Positions of the blocks that are handed out. */
    int used();

    /**
     * {@return the blocks of the longest beginning of a prompt that are here: whole ones that prefill wrote, and not
     * the one with the prompt's last token, whose logits are needed}
     */
    int[] known(Prompt prompt);

    /**
     * Makes room for a sequence.
     *
     * @param now positions that it needs at once
     * @param most positions that it may come to need
     * @param known its first blocks, which are here
     * @return its blocks so far; empty if there is no room
     */
    Optional<KvTable> allocate(int now, int most, int[] known);

    /**
     * Makes room for further positions of a sequence.
     *
     * @param table the blocks that it has
     * @param positions positions that it needs, from the first one on
     * @return false if there is no room: some sequence has to give back its own
     */
    boolean reach(KvTable table, int positions);

    /**
     * Notes that prefill has written the beginning of a sequence, on all ranks.
     *
     * @param table its blocks
     * @param prompt its prompt
     * @param from positions of which this was known
     * @param to positions that are there, at most those of the prompt
     */
    void written(KvTable table, Prompt prompt, int from, int to);

    /** Takes back what a sequence has; what is known of it can be shared until it is handed out for something else. */
    void free(KvTable table);

    /** The blocks that no sequence has are not where they were any more. */
    void forgetWhatNobodyHas();
}
