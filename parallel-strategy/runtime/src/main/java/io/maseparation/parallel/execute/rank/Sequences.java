package io.maseparation.parallel.execute.rank;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/** What has been generated so far. Each sequence is written by the one rank that samples it. */
public final class Sequences {
    private final List<List<Integer>> tokens = new ArrayList<>();
    private final List<List<Long>> times = new ArrayList<>();
    private final ConcurrentHashMap<Integer, float[]> promptLogits = new ConcurrentHashMap<>();
    private final IntConsumer onToken;

    /**
     * Sequences without tokens.
     *
     * @param n number of sequences
     * @param onToken called with the sequence's index for every token, on a rank's thread
     */
    public Sequences(int n, IntConsumer onToken) {
        for (int i = 0; i < n; i++) {
            tokens.add(new ArrayList<>());
            times.add(new ArrayList<>());
        }
        this.onToken = onToken;
    }

    void add(int sequence, int token, long nanos) {
        List<Integer> own = tokens.get(sequence);
        synchronized (own) {
            own.add(token);
            times.get(sequence).add(nanos);
        }
        onToken.accept(sequence);
    }

    void setPromptLogits(int sequence, float[] logits) {
        promptLogits.put(sequence, logits);
    }

    /**
     * {@return logits of the prompt's last position, or null}
     *
     * @param sequence index of the sequence
     */
    public float @Nullable [] promptLogits(int sequence) {
        return promptLogits.get(sequence);
    }

    /**
     * {@return tokens generated so far}
     *
     * @param sequence index of the sequence
     */
    public List<Integer> tokens(int sequence) {
        List<Integer> own = tokens.get(sequence);
        synchronized (own) {
            return List.copyOf(own);
        }
    }

    /**
     * {@return when each of these tokens was sampled, in nanoseconds}
     *
     * @param sequence index of the sequence
     */
    public List<Long> times(int sequence) {
        List<Integer> own = tokens.get(sequence);
        synchronized (own) {
            return List.copyOf(times.get(sequence));
        }
    }
}
