package io.maseparation.parallel.calibrate;

import io.maseparation.parallel.cluster.Link;
import io.maseparation.parallel.run.Percentiles;
import java.util.List;
import java.util.stream.IntStream;

/**
 * What was measured of one kind of link.
 *
 * @param between what it connects
 * @param pairs how many pairs were measured
 * @param messages times of messages, by size, ascending
 * @param link what goes into a profile: it takes the median times of the smallest and of the largest message
 */
public record LinkTimes(Between between, int pairs, List<MessageTime> messages, Link link) {
    /** What a link connects. */
    public enum Between {
        /** Two threads of one process, through its memory. */
        THREADS("threads"),
        /** Two processes of one host. */
        PROCESSES("processes of a host"),
        /** Processes of two hosts. */
        HOSTS("hosts");

        private final String text;

        Between(String text) {
            this.text = text;
        }

        /** {@return the name of such links in results} */
        public String text() {
            return text;
        }
    }

    /**
     * Time of a message, from the call that sends it to the array in the receiver's hands.
     *
     * @param bytes its size
     * @param seconds median over rounds and pairs
     * @param least least of them
     * @param most most of them
     */
    public record MessageTime(long bytes, double seconds, double least, double most) {}

    /** Copies the list. */
    public LinkTimes {
        messages = List.copyOf(messages);
    }

    /**
     * The link that was found.
     *
     * @param rounds for each round and pair the times by size, in seconds, at least one
     */
    static LinkTimes of(Between between, int pairs, List<double[]> rounds) {
        long[] bytes = PairProbe.bytes();
        List<MessageTime> messages = IntStream.range(0, bytes.length).mapToObj(size -> {
            double[] seconds = rounds.stream().mapToDouble(round -> round[size]).toArray();
            return new MessageTime(bytes[size], Percentiles.of(seconds, 50), Percentiles.of(seconds, 0),
                    Percentiles.of(seconds, 100));
        }).toList();
        MessageTime small = messages.getFirst();
        MessageTime large = messages.getLast();
        return new LinkTimes(between, pairs, messages,
                LinkFit.through((double) small.bytes(), small.seconds(), (double) large.bytes(), large.seconds()));
    }
}
