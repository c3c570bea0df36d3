package io.maseparation.parallel.execute.rank;

import io.maseparation.moe.segments.Device;
import io.maseparation.parallel.run.RunResult;
import io.maseparation.parallel.timeline.TimelineEvent;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Objects;

/** What the ranks of a run did when. Each rank writes its own part; expert loads are gathered over all of them. */
public final class Recorder {
    /** Most events of each stream that are kept per rank, so that a long run does not fill the memory. */
    static final int MOST_EVENTS = 200_000;

    /** More words of bits than there are decode steps for. */
    private static final int MOST_WORDS = 1 << 26;

    private final List<RankLog> ranks = new ArrayList<>();
    private final long[][] loads;
    /** Decode steps whose rows visited an expert, by layer. */
    private final BitSet[][] stepsOf;

    private final boolean transfers;
    /** Whether it keeps what grows with the number of steps. */
    private final boolean history;
    private double mostRows;
    private double meanRows;

    /**
     * A record of a run that has not begun.
     *
     * @param ranks number of ranks
     * @param layers layers of the model
     * @param experts most routed experts of a layer
     * @param transfers whether ranks record their transfers too
     */
    public Recorder(int ranks, int layers, int experts, boolean transfers) {
        this(ranks, layers, experts, transfers, true);
    }

    /**
     * {@return a record of something that has no end: counts and sums, and no timeline}
     *
     * @param ranks number of ranks
     * @param layers layers of the model
     * @param experts most routed experts of a layer
     */
    public static Recorder endless(int ranks, int layers, int experts) {
        return new Recorder(ranks, layers, experts, false, false);
    }

    private Recorder(int ranks, int layers, int experts, boolean transfers, boolean history) {
        this.transfers = transfers;
        this.history = history;
        for (int i = 0; i < ranks; i++) {
            this.ranks.add(new RankLog(history ? MOST_EVENTS : 0));
        }
        loads = new long[layers][experts];
        stepsOf = new BitSet[layers][experts];
        for (BitSet[] layer : stepsOf) {
            Arrays.setAll(layer, expert -> new BitSet());
        }
    }

    boolean transfers() {
        return transfers;
    }

    /**
     * {@return one rank's part}
     *
     * @param rank index of the rank
     */
    public RankLog rank(int rank) {
        return ranks.get(rank);
    }

    /** {@return rows sent to each expert in decode steps, by layer; the extra expert not counted} */
    public synchronized long[][] loads() {
        return Arrays.stream(loads).map(long[]::clone).toArray(long[][]::new);
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

    /**
     * {@return rows of the busiest expert rank over the mean, in each layout's time, by number of rows; NaN without
     * rows}
     */
    public double imbalance() {
        return meanRows == 0 ? Double.NaN : mostRows / meanRows;
    }

    /** Counts the experts chosen for some rows of a layer in a decode step. */
    synchronized void experts(int decodeStep, int layer, int[] chosen) {
        for (int expert : chosen) {
            if (expert >= 0 && expert < loads[layer].length) {
                loads[layer][expert]++;
                if (history) {
                    stepsOf[layer][expert].set(decodeStep);
                }
            }
        }
    }

    /**
     * {@return distinct experts that a layer's rows visited, summed over decode steps}
     *
     * @param layer index of the layer
     */
    public synchronized long distinctExperts(int layer) {
        return Arrays.stream(stepsOf[layer]).mapToLong(BitSet::cardinality).sum();
    }

    /** Writes what this process's rank did, for {@link #read}: counts and sums, and no timeline. */
    synchronized void write(int rank, DataOutput to) throws IOException {
        ranks.get(rank).write(to);
        for (int layer = 0; layer < loads.length; layer++) {
            for (int expert = 0; expert < loads[layer].length; expert++) {
                to.writeLong(loads[layer][expert]);
                long[] steps = stepsOf[layer][expert].toLongArray();
                to.writeInt(steps.length);
                for (long word : steps) {
                    to.writeLong(word);
                }
            }
        }
    }

    /** Adds what a rank of another process did. */
    synchronized void read(int rank, DataInput from) throws IOException {
        ranks.get(rank).read(from);
        for (int layer = 0; layer < loads.length; layer++) {
            for (int expert = 0; expert < loads[layer].length; expert++) {
                loads[layer][expert] += from.readLong();
                long[] steps = new long[Objects.checkIndex(from.readInt(), MOST_WORDS)];
                for (int i = 0; i < steps.length; i++) {
                    steps[i] = from.readLong();
                }
                stepsOf[layer][expert].or(BitSet.valueOf(steps));
            }
        }
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

        private String device = "";
        private boolean ownMemory;
        private long firstRunNanos;

        private final int mostEvents;

        private RankLog(int mostEvents) {
            this.mostEvents = mostEvents;
        }

        /** What the rank ran on, and the time of the first execution of each segment. */
        void ranOn(Device on, long nanos) {
            device = on.name();
            ownMemory = !on.target().embedded();
            firstRunNanos = nanos;
        }

        /** {@return name of the rank's device} */
        public String device() {
            return device;
        }

        private void write(DataOutput to) throws IOException {
            to.writeUTF(device);
            to.writeBoolean(ownMemory);
            for (long value : new long[] {firstRunNanos, prefillBusy, decodeBusy, bytesSent, expertRows, decodeTasks,
                decodeTransferBytes, decodeMessageNanos}) {
                to.writeLong(value);
            }
        }

        private void read(DataInput from) throws IOException {
            device = from.readUTF();
            ownMemory = from.readBoolean();
            firstRunNanos = from.readLong();
            prefillBusy = from.readLong();
            decodeBusy = from.readLong();
            bytesSent = from.readLong();
            expertRows = from.readLong();
            decodeTasks = from.readLong();
            decodeTransferBytes = from.readLong();
            decodeMessageNanos = from.readLong();
        }

        /** A segment of a decode step ran: its tasks, and bytes that went between host and device for it. */
        void decoded(int tasks, long transferBytes) {
            decodeTasks += tasks;
            decodeTransferBytes += transferBytes;
        }

        /** Time that the rank's thread packed, sent, took and unpacked messages in decode steps. */
        void messages(long nanos) {
            decodeMessageNanos += nanos;
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
            if (events.size() < mostEvents) {
                events.add(event);
            } else {
                leftOut++;
            }
        }

        /** {@return number of events that were too many to keep} */
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

        /** {@return bytes sent to other ranks} */
        public long bytesSent() {
            return bytesSent;
        }

        /**
         * {@return how long the rank computed}
         *
         * @param decodeNanos time of all decode steps
         */
        public RunResult.Times times(double decodeNanos) {
            return new RunResult.Times(
                    (prefillBusy + decodeBusy) / 1e6, decodeBusy / decodeNanos, firstRunNanos / 1e6);
        }

        /**
         * {@return what the rank had to do in a decode step}
         *
         * @param steps number of decode steps; NaN for none
         */
        public RunResult.PerStep perStep(double steps) {
            return new RunResult.PerStep(
                    decodeTasks / steps,
                    ownMemory ? decodeTransferBytes / steps : 0,
                    decodeMessageNanos / 1e6 / steps);
        }

        /** {@return what it did when} */
        public List<TimelineEvent> events() {
            List<TimelineEvent> events = new ArrayList<>(computes);
            events.addAll(transfers);
            return events;
        }
    }
}
