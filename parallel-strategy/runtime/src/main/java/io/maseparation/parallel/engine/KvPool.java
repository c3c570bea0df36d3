package io.maseparation.parallel.engine;

import io.maseparation.parallel.execute.rank.KvRegion;
import java.util.Optional;

/** The KV cache of a group of ranks: a fixed number of positions that are handed out and come back. */
interface KvPool {
    /** Positions that can ever be handed out. */
    int size();

    /** Positions that are handed out. */
    int used();

    /**
     * Makes room for a sequence.
     *
     * @param now positions that it needs at once
     * @param most positions that it may come to need
     * @return where; empty if there is no room
     */
    Optional<KvRegion> allocate(int now, int most);

    /**
     * Makes room for further positions of a sequence.
     *
     * @param region what it has
     * @param positions positions that it needs, from the first one on
     * @return false if there is no room: some sequence has to give back its own
     */
    boolean reach(KvRegion region, int positions);

    /** Takes back what a sequence has. */
    void free(KvRegion region);
}
