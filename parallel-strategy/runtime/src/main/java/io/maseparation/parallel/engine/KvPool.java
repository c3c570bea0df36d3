package io.maseparation.parallel.engine;

import io.maseparation.parallel.execute.rank.KvTable;
import java.util.Optional;

/** The KV cache of a group of ranks: a fixed number of blocks that are handed out and come back. */
interface KvPool {
    /** Positions of all blocks. */
    int size();

    /** Positions of the blocks that are handed out. */
    int used();

    /**
     * Makes room for a sequence.
     *
     * @param now positions that it needs at once
     * @param most positions that it may come to need
     * @return its blocks so far; empty if there is no room
     */
    Optional<KvTable> allocate(int now, int most);

    /**
     * Makes room for further positions of a sequence.
     *
     * @param table the blocks that it has
     * @param positions positions that it needs, from the first one on
     * @return false if there is no room: some sequence has to give back its own
     */
    boolean reach(KvTable table, int positions);

    /** Takes back what a sequence has. */
    void free(KvTable table);
}
