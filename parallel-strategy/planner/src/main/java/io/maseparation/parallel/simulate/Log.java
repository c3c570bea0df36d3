package io.maseparation.parallel.simulate;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** What happened in a simulation: one entry for everything that took time, and why it did not start earlier. */
final class Log {
    /** No entry. */
    static final int NONE = -1;

    private final List<Entry> entries = new ArrayList<>();

    /**
     * Something that took time.
     *
     * @param rank rank whose stream it occupied; {@link #NONE} for the way of a message between two ranks
     * @param microBatch micro-batch
     * @param step step
     * @param name name of the segment, or of what was transferred
     * @param computed what was computed; empty for transfers
     * @param start start, in seconds
     * @param end end
     * @param cause number of the entry whose end let this one start; {@link #NONE} if nothing had to end before
     */
    record Entry(
            int rank, int microBatch, int step, String name, Optional<TaskCost> computed, double start, double end,
            int cause) {}

    /**
     * Adds an entry.
     *
     * @return number of the entry
     */
    int add(Entry entry) {
        entries.add(entry);
        return entries.size() - 1;
    }

    /** Says when an entry ended that was added before that was known. */
    void endAt(int number, double end) {
        Entry e = entries.get(number);
        entries.set(
                number, new Entry(e.rank, e.microBatch, e.step, e.name, e.computed, e.start, end, e.cause));
    }

    Entry get(int number) {
        return entries.get(number);
    }

    /** When an entry ended. */
    double end(int number) {
        return entries.get(number).end();
    }

    /** All entries, in the order in which they were added. */
    List<Entry> entries() {
        return entries;
    }
}
