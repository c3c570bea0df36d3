package io.maseparation.bench.peers;

import io.maseparation.kernels.NativeCall;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * Sequences in llama.cpp, all of them at the same position. The cache is fp16, a micro-batch has up to 512 tokens, and
 * flash attention is used where llama.cpp finds it possible: its defaults.
 */
final class LlamaContext implements AutoCloseable {
    /** Of the version that {@code config/ggml-peer} fetches. */
    private static final StructLayout PARAMS = Llama.longs(20);
    private static final StructLayout BATCH = Llama.longs(7);
    /** Offsets in {@link #PARAMS}. */
    private static final int N_CTX = 0;
    private static final int N_BATCH = 4;
    private static final int N_UBATCH = 8;
    private static final int N_SEQ_MAX = 12;
    private static final int TYPE_K = 104;
    private static final int TYPE_V = 108;
    /** Offsets in {@link #BATCH}. */
    private static final int N_TOKENS = 0;
    private static final int TOKEN = 8;
    private static final int POS = 24;
    private static final int N_SEQ_ID = 32;
    private static final int SEQ_ID = 40;
    private static final int LOGITS = 48;
    /** Tokens that are computed at once, and that one call takes. */
    static final int MICRO_BATCH = 512;
    private static final int MOST_TOKENS = 2048;

    private final Llama llama;
    private final NativeLibrary library;
    private final MemorySegment context;
    private final MethodHandle decode;
    private final int sequences;
    private int position;
    /** Tokens of each sequence in the last batch. */
    private int last;

    /** Sequences that have room for so many positions each. */
    LlamaContext(Llama llama, int sequences, int positions) {
        this.llama = llama;
        this.sequences = sequences;
        library = llama.library();
        MemorySegment params = llama.defaults("llama_context_default_params", PARAMS);
        // Values that another version would have elsewhere.
        Llama.require("parameters of a context have the layout of the version that is fetched",
                number(params, N_CTX) == MICRO_BATCH && number(params, N_BATCH) == MOST_TOKENS
                        && number(params, N_UBATCH) == MICRO_BATCH && number(params, N_SEQ_MAX) == 1);
        Llama.require("the cache is fp16",
                number(params, TYPE_K) == Ggml.TYPE_F16 && number(params, TYPE_V) == Ggml.TYPE_F16);
        params.set(ValueLayout.JAVA_INT, N_CTX, sequences * positions);
        params.set(ValueLayout.JAVA_INT, N_SEQ_MAX, sequences);
        context = llama.context(params, PARAMS);
        Llama.require("a context has the sizes that it was given",
                library.number("llama_n_ctx_seq", context) >= positions
                        && library.number("llama_n_seq_max", context) == sequences
                        && library.number("llama_n_batch", context) >= Math.min(positions, MICRO_BATCH)
                        && library.number("llama_n_ubatch", context) >= Math.min(positions, MICRO_BATCH));
        decode = library.handle("llama_decode",
                FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, BATCH));
    }

    private static int number(MemorySegment params, int offset) {
        return params.get(ValueLayout.JAVA_INT, offset);
    }

    /** Forgets what the sequences were. */
    void clear() {
        library.call("llama_memory_clear", library.pointer("llama_get_memory", context), true);
        position = 0;
    }

    /**
     * Goes on with tokens, and computes the logits that follow the last one of each sequence.
     *
     * @param tokens of each sequence, equally many of each
     */
    void next(int[][] tokens) {
        last = tokens[0].length;
        int count = sequences * last;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment token = arena.allocate(ValueLayout.JAVA_INT, count);
            MemorySegment pos = arena.allocate(ValueLayout.JAVA_INT, count);
            MemorySegment counts = arena.allocate(ValueLayout.JAVA_INT, count);
            MemorySegment numbers = arena.allocate(ValueLayout.JAVA_INT, sequences);
            MemorySegment ids = arena.allocate(ValueLayout.ADDRESS, count);
            MemorySegment logits = arena.allocate(ValueLayout.JAVA_BYTE, count);
            for (int s = 0; s < sequences; s++) {
                numbers.setAtIndex(ValueLayout.JAVA_INT, s, s);
                for (int i = 0; i < last; i++) {
                    int at = s * last + i;
                    token.setAtIndex(ValueLayout.JAVA_INT, at, tokens[s][i]);
                    pos.setAtIndex(ValueLayout.JAVA_INT, at, position + i);
                    counts.setAtIndex(ValueLayout.JAVA_INT, at, 1);
                    ids.setAtIndex(ValueLayout.ADDRESS, at, numbers.asSlice((long) s * Integer.BYTES));
                    logits.set(ValueLayout.JAVA_BYTE, at, (byte) (i == last - 1 ? 1 : 0));
                }
            }
            MemorySegment batch = arena.allocate(BATCH);
            batch.set(ValueLayout.JAVA_INT, N_TOKENS, count);
            batch.set(ValueLayout.ADDRESS, TOKEN, token);
            batch.set(ValueLayout.ADDRESS, POS, pos);
            batch.set(ValueLayout.ADDRESS, N_SEQ_ID, counts);
            batch.set(ValueLayout.ADDRESS, SEQ_ID, ids);
            batch.set(ValueLayout.ADDRESS, LOGITS, logits);
            int status = (int) NativeCall.of(decode, context, batch);
            Llama.require("llama_decode returns 0, and not " + status, status == 0);
            library.call("llama_synchronize", context);
        }
        position += last;
    }

    /** Logits that follow the last token of a sequence. */
    @SuppressWarnings("restricted")
    float[] logits(int sequence) {
        int at = sequence * last + last - 1;
        return library.pointer("llama_get_logits_ith", context, at)
                .reinterpret((long) llama.vocab() * Float.BYTES)
                .toArray(ValueLayout.JAVA_FLOAT);
    }

    @Override
    public void close() {
        library.call("llama_free", context);
    }
}
