package io.maseparation.parallel.execute.rank;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.IntConsumer;

/** What has been generated so far. Each sequence is written by the one rank that samples it. */
public final class Sequences {
    private final List<List<Integer>> tokens = new ArrayList<>();
    private final List<List<Long>> times = new ArrayList<>();
    private final ConcurrentHashMap<Integer, float[]> promptLogits = new ConcurrentHashMap<>();
    private final IntConsumer onToken;

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

    /** Logits of the prompt's last position, or null. */
    public float[] promptLogits(int sequence) {
        return promptLogits.get(sequence);
    }

    public List<Integer> tokens(int sequence) {
        List<Integer> own = tokens.get(sequence);
        synchronized (own) {
            return List.copyOf(own);
        }
    }

    public List<Long> times(int sequence) {
        List<Integer> own = tokens.get(sequence);
        synchronized (own) {
            return List.copyOf(times.get(sequence));
        }
    }
}
