package io.maseparation.parallel.execute.rank;

import io.maseparation.parallel.timeline.TimelineEvent;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/** What the ranks of a run did when. Each rank writes its own part; expert loads are gathered over all of them. */
public final class Recorder {
    /** Most events of each stream kept a rank, so that a long run does not fill the memory. */
    static final int MOST_EVENTS = 200_000;

    private final List<RankLog> ranks = new ArrayList<>();
    private final long[][] loads;
    private final int layers;
    private final List<BitSet[]> expertsOfStep = new ArrayList<>();

    private final boolean transfers;
    private double mostRows;
    private double meanRows;

    /**
     * @param ranks number of ranks
     * @param layers layers of the model
     * @param experts most routed experts of a layer
     * @param transfers whether ranks record their transfers too
     */
    public Recorder(int ranks, int layers, int experts, boolean transfers) {
        this.transfers = transfers;
        for (int i = 0; i < ranks; i++) {
            this.ranks.add(new RankLog());
        }
        loads = new long[layers][experts];
        this.layers = layers;
    }

    boolean transfers() {
        return transfers;
    }

    public RankLog rank(int rank) {
        return ranks.get(rank);
    }

    /** Rows sent to each expert in decode steps, by layer; the extra expert not counted. */
    public synchronized long[][] loads() {
        return java.util.Arrays.stream(loads).map(long[]::clone).toArray(long[][]::new);
    }

    /**
     * Ends the time that ranks had their experts for: adds up how uneven their rows were. All ranks are at rest.
     *
     * @param expertRanks ranks with experts
     */
    public void endLayout(List<Integer> expertRanks) {
        long most = 0;
        long sum = 0;
        for (int rank : expertRanks) {
            long pairs = ranks.get(rank).takeExpertRows();
            most = Math.max(most, pairs);
            sum += pairs;
        }
        mostRows += most;
        meanRows += expertRanks.isEmpty() ? 0 : (double) sum / expertRanks.size();
    }

    /** Rows of the busiest expert rank over the mean, in each layout's time, by number of rows; NaN without rows. */
    public double imbalance() {
        return meanRows == 0 ? Double.NaN : mostRows / meanRows;
    }

    /** Counts the experts chosen for some rows of a layer in a decode step. */
    synchronized void experts(int decodeStep, int layer, int[] chosen) {
        while (expertsOfStep.size() <= decodeStep) {
            BitSet[] ofLayer = new BitSet[layers];
            for (int i = 0; i < layers; i++) {
                ofLayer[i] = new BitSet();
            }
            expertsOfStep.add(ofLayer);
        }
        for (int expert : chosen) {
            if (expert >= 0 && expert < loads[layer].length) {
                loads[layer][expert]++;
                expertsOfStep.get(decodeStep)[layer].set(expert);
            }
        }
    }

    /** Distinct experts that a layer's rows visited, summed over decode steps. */
    public synchronized long distinctExperts(int layer) {
        return expertsOfStep.stream().mapToLong(s -> s[layer].cardinality()).sum();
    }

    /** One rank's part; written by its thread, read after the run. */
    public static final class RankLog {
        private final List<TimelineEvent> computes = new ArrayList<>();
        private final List<TimelineEvent> transfers = new ArrayList<>();
        private long leftOut;
        private long prefillBusy;
        private long decodeBusy;
        private long bytesSent;
        private long expertRows;
        private long decodeTasks;
        private long decodeTransferBytes;
        private long decodeMessageNanos;

        /** A segment of a decode step ran: its tasks, and bytes that went between host and device for it. */
        void decoded(int tasks, long transferBytes) {
            decodeTasks += tasks;
            decodeTransferBytes += transferBytes;
        }

        /** Time that the rank's thread packed, sent, took and unpacked messages in decode steps. */
        void messages(long nanos) {
            decodeMessageNanos += nanos;
        }

        public long decodeTasks() {
            return decodeTasks;
        }

        public long decodeTransferBytes() {
            return decodeTransferBytes;
        }

        public long decodeMessageNanos() {
            return decodeMessageNanos;
        }

        void compute(TimelineEvent event) {
            long duration = event.endNanos() - event.startNanos();
            if (event.prefill()) {
                prefillBusy += duration;
            } else {
                decodeBusy += duration;
            }
            keep(event, computes);
        }

        void transfer(TimelineEvent event) {
            keep(event, transfers);
        }

        private void keep(TimelineEvent event, List<TimelineEvent> events) {
            if (events.size() < MOST_EVENTS) {
                events.add(event);
            } else {
                leftOut++;
            }
        }

        /** Number of events that were too many to keep. */
        public long leftOut() {
            return leftOut;
        }

        /** Rows times routed experts that the rank had in a decode step. */
        void expertRows(int pairs) {
            expertRows += pairs;
        }

        private long takeExpertRows() {
            long rows = expertRows;
            expertRows = 0;
            return rows;
        }

        void sent(long bytes) {
            bytesSent += bytes;
        }

        public long prefillBusy() {
            return prefillBusy;
        }

        public long decodeBusy() {
            return decodeBusy;
        }

        public long bytesSent() {
            return bytesSent;
        }

        public List<TimelineEvent> events() {
            List<TimelineEvent> events = new ArrayList<>(computes);
            events.addAll(transfers);
            return events;
        }
    }
}
