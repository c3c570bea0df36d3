package io.maseparation.moe;

import io.maseparation.files.ModelException;
import io.maseparation.kernels.ArrayMemory;
import io.maseparation.kernels.DeviceArrays;
import io.maseparation.kernels.ExpertBanks;
import io.maseparation.kernels.ExpertWeights;
import io.maseparation.kernels.Routing;
import io.maseparation.kernels.WeightMatrix;
import io.maseparation.moe.ModelConfig.QkNorm;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.IntFunction;
import java.util.function.IntPredicate;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * Weights for a shape, from a seed. Matrices are uniform with mean 0 and standard deviation 1/√columns (the embedding
 * 1), so that activations and logits are of the order of 1 at any depth and routers spread tokens over experts. A
 * weight is a function of the seed and of its place in the model alone, whatever the number of threads.
 */
public final class RandomWeights {
    /** Elements that are filled as one piece of work; a multiple of the four that one random number gives. */
    private static final int PIECE = 1 << 20;

    private final ModelConfig config;
    private final long seed;
    private final Map<Integer, UniformValues> tables = new HashMap<>();
    private final List<Stack> stacks = new ArrayList<>();
    private final Wanted wanted;
    private final AbsentMatrices absent = new AbsentMatrices();

    /** Matrices of one shape that share an array, one below the other. */
    private final class Stack {
        final int matrices;
        final int rows;
        final int cols;
        final long[] keys;
        final UniformValues values;
        @SuppressWarnings("NullAway.Init") // by allocate()
        TornadoNativeArray array;

        Stack(int rows, int cols, double deviation, long... keys) {
            this.matrices = keys.length;
            this.rows = rows;
            this.cols = cols;
            this.keys = keys;
            int columns = (int) Math.round(1 / (deviation * deviation));
            this.values = tables.computeIfAbsent(columns, c -> UniformValues.of(config.weightType(), deviation));
            if (matrices > 0) {
                stacks.add(this);
            }
        }

        long bytes() {
            return (long) matrices * rows * cols * config.weightType().bytes();
        }

        void allocate() {
            array = DeviceArrays.of(config.weightType(), Math.toIntExact((long) matrices * rows * cols));
        }

        WeightMatrix matrix(int index) {
            if (keys.length == 0) {
                return absent.matrix(config.weightType(), rows, cols);
            }
            return new WeightMatrix(config.weightType(), array, index * rows * cols, rows, cols, cols);
        }

        void addPieces(List<Runnable> work) {
            long elements = (long) rows * cols;
            MemorySegment data = array.getSegment();
            for (int m = 0; m < matrices; m++) {
                int matrix = m;
                for (long from = 0; from < elements; from += PIECE) {
                    long start = from;
                    long end = Math.min(elements, from + PIECE);
                    work.add(() -> values.fill(data, matrix * elements + start, keys[matrix], start, end));
                }
            }
        }
    }

    private RandomWeights(ModelConfig config, long seed, Wanted wanted) {
        this.config = config;
        this.seed = seed;
        this.wanted = wanted;
    }

    /**
     * {@return weights for a model, which are filled in the background} They are freed when nothing refers to them any
     * more, or with the {@link ArrayMemory} that they are made in.
     *
     * @param config the model; its weight type is that of all large matrices
     * @param seed the same for the same weights
     * @throws ModelException if memory is short, or a matrix has more elements than an array can
     */
    public static ModelWeights create(ModelConfig config, long seed) {
        return create(config, seed, Wanted.ALL);
    }

    /**
     * {@return some of a model's weights, the same as those of all of them} Other matrices take no memory, and are not
     * numbers.
     *
     * @param config the model
     * @param seed the same for the same weights
     * @param wanted which matrices are made
     * @throws ModelException if memory is short, or a matrix has more elements than an array can
     */
    public static ModelWeights create(ModelConfig config, long seed, Wanted wanted) {
        if (config.planningOnly()) {
            throw new ModelException("%s is for planning and simulation only; nothing runs it"
                    .formatted(config.name()));
        }
        if (wanted.equals(Wanted.ALL)) {
            require(config, ModelSize.of(config).weightBytes());
        }
        return new RandomWeights(config, seed, wanted).create();
    }

    private static void require(ModelConfig config, long bytes) {
        MemoryBudget.require(
                bytes, "the weights of " + config.name(), "choose a smaller 'model', such as small or tiny");
    }

    private ModelWeights create() {
        // Memory is handed out in parallel and filled afterwards, so the model is laid out first and built last.
        double byHidden = 1 / Math.sqrt(config.hidden());
        boolean tied = config.vocabulary().tied();
        Stack embedding = stack(config.vocab(), config.hidden(), tied ? byHidden : 1,
                keys(wanted.embedding() || (tied && wanted.output()), key(-1, 0, 0)));
        Stack output = tied
                ? embedding
                : stack(config.vocab(), config.hidden(), byHidden, keys(wanted.output(), key(-1, 1, 0)));
        List<Supplier<LayerWeights>> layers = new ArrayList<>();
        for (int l = 0; l < config.layers().size(); l++) {
            layers.add(layer(l, config.layers().get(l)));
        }
        if (!wanted.equals(Wanted.ALL)) {
            require(config, stacks.stream().mapToLong(Stack::bytes).sum());
        }
        List<Runnable> memory = stacks.stream().map(stack -> ArrayMemory.shared(stack::allocate)).toList();
        memory.parallelStream().forEach(Runnable::run);
        List<Runnable> work = new ArrayList<>();
        stacks.forEach(stack -> stack.addPieces(work));
        // A pool of its own, so that whoever compiles kernels meanwhile finds a core.
        ForkJoinPool pool = new ForkJoinPool(threads(Runtime.getRuntime().availableProcessors()));
        AtomicBoolean stopped = new AtomicBoolean();
        CompletableFuture<Void> filled = CompletableFuture.runAsync(
                () -> {
                    try {
                        work.parallelStream().filter(_ -> !stopped.get()).forEach(Runnable::run);
                        if (stopped.get()) {
                            // As the JVM says it of memory that was freed.
                            throw new IllegalStateException("Already closed");
                        }
                    } finally {
                        pool.shutdown();
                    }
                },
                pool);
        return new ModelWeights(
                config,
                embedding.matrix(0),
                layers.stream().map(Supplier::get).toList(),
                vector(config.hidden(), 1, 0.1, key(-1, 2, 0)),
                output.matrix(0)).whenEnds(filled, () -> stopped.set(true));
    }

    /** Of so many cores those that draw weights; the rest is for the compilers, TornadoVM's and the JVM's own. */
    private static int threads(int cores) {
        return cores - Math.min(4, cores / 4);
    }

    private Supplier<LayerWeights> layer(int l, ModelConfig.Layer layer) {
        ModelConfig c = config;
        double byHidden = 1 / Math.sqrt(c.hidden());
        boolean attends = wanted.attention(l);
        Stack q = stack(c.queryWidth(), c.hidden(), byHidden, keys(attends, key(l, 0, 0)));
        Stack k = stack(c.kvWidth(), c.hidden(), byHidden, keys(attends, key(l, 1, 0)));
        Stack v = stack(c.kvWidth(), c.hidden(), byHidden, keys(attends, key(l, 2, 0)));
        Stack o = stack(c.hidden(), c.queryWidth(), 1 / Math.sqrt(c.queryWidth()), keys(attends, key(l, 3, 0)));
        Routing routing = layer.routing();
        Supplier<ExpertBanks> experts =
                experts(l, 4, routing.experts(), layer.expertWidth(), e -> wanted.expert(l, e));
        boolean hasExtra = routing.extra() != Routing.Extra.NONE;
        Supplier<ExpertBanks> extra =
                experts(l, 7, hasExtra ? 1 : 0, layer.extraWidth(), e -> wanted.extra(l));
        boolean whole = c.qkNorm() == QkNorm.WHOLE;
        boolean norms = c.qkNorm() != QkNorm.NONE;
        return () -> new LayerWeights(
                vector(c.hidden(), 1, 0.1, key(l, 10, 0)),
                new LayerWeights.Attention(
                        q.matrix(0),
                        k.matrix(0),
                        v.matrix(0),
                        o.matrix(0),
                        c.attention().qkvBias() ? vector(c.qkvWidth(), 0, 0.1, key(l, 11, 0)) : null,
                        c.attention().outputBias() ? vector(c.hidden(), 0, 0.1, key(l, 12, 0)) : null,
                        norms ? vector(whole ? c.queryWidth() : c.headDim(), 1, 0.1, key(l, 13, 0)) : null,
                        norms ? vector(whole ? c.kvWidth() : c.headDim(), 1, 0.1, key(l, 14, 0)) : null),
                vector(c.hidden(), 1, 0.1, key(l, 15, 0)),
                routing.experts() == 0 ? null : vector(routing.experts() * c.hidden(), 0, byHidden, key(l, 16, 0)),
                routing.extra() == Routing.Extra.SIGMOID_GATE ? vector(c.hidden(), 0, byHidden, key(l, 17, 0)) : null,
                experts.get(),
                hasExtra ? extra.get().getFirst() : null);
    }

    /** Experts whose gate, up and down matrices have the kinds {@code kind}, {@code kind + 1} and {@code kind + 2}. */
    private Supplier<ExpertBanks> experts(int layer, int kind, int experts, int width, IntPredicate isWanted) {
        if (!IntStream.range(0, experts).allMatch(isWanted)) {
            return some(layer, kind, experts, width, isWanted);
        }
        return runOf(layer, kind, new Run(0, experts), width);
    }

    /** Experts that follow each other. */
    private record Run(int from, int to) {
        int size() {
            return to - from;
        }
    }

    /** Those experts that are wanted, with what stands for the others between them. */
    private Supplier<ExpertBanks> some(int layer, int kind, int experts, int width, IntPredicate isWanted) {
        List<Supplier<ExpertBanks>> parts = new ArrayList<>();
        for (int from = 0; from < experts;) {
            boolean here = isWanted.test(from);
            int to = from + 1;
            while (to < experts && isWanted.test(to) == here) {
                to++;
            }
            int count = to - from;
            parts.add(here
                    ? runOf(layer, kind, new Run(from, to), width)
                    : () -> ExpertBanks.stacked(
                            count, absent.expert(config.weightType(), config.gated(), width, config.hidden()), 0, 0));
            from = to;
        }
        return () -> ExpertBanks.joined(parts.stream().map(Supplier::get).toList());
    }

    private Supplier<ExpertBanks> runOf(int layer, int kind, Run experts, int width) {
        double byHidden = 1 / Math.sqrt(config.hidden());
        double byWidth = 1 / Math.sqrt(Math.max(1, width));
        List<Stack> gate = config.gated()
                ? stacked(keys(layer, kind, experts), width, config.hidden(), byHidden)
                : List.of();
        List<Stack> up = stacked(keys(layer, kind + 1, experts), width, config.hidden(), byHidden);
        List<Stack> down = stacked(keys(layer, kind + 2, experts), config.hidden(), width, byWidth);
        IntFunction<ExpertWeights> own = e -> new ExpertWeights(
                config.gated() ? gate.get(e).matrix(0) : null, up.get(e).matrix(0), down.get(e).matrix(0));
        int size = width * config.hidden();
        return () -> up.size() == 1
                ? ExpertBanks.stacked(experts.size(), own.apply(0), size, size)
                : ExpertBanks.separate(IntStream.range(0, experts.size()).mapToObj(own).toList());
    }

    /** One array for all experts, or one for each if they are too large together. */
    private List<Stack> stacked(long[] keys, int rows, int cols, double deviation) {
        if (keys.length == 0) {
            return List.of();
        }
        if ((long) keys.length * rows * cols <= Integer.MAX_VALUE) {
            return List.of(stack(rows, cols, deviation, keys));
        }
        return Arrays.stream(keys).mapToObj(key -> stack(rows, cols, deviation, key)).toList();
    }

    private Stack stack(int rows, int cols, double deviation, long... keys) {
        if ((long) rows * cols > Integer.MAX_VALUE) {
            throw new ModelException("%s: a matrix of %d × %d is more than the 2147483647 elements of an array"
                    .formatted(config.name(), rows, cols));
        }
        return new Stack(rows, cols, deviation, keys);
    }

    private long[] keys(int layer, int kind, Run experts) {
        return IntStream.range(experts.from(), experts.to()).mapToLong(e -> key(layer, kind, e)).toArray();
    }

    /** The key of a matrix, or none for one that is not wanted. */
    private static long[] keys(boolean isWanted, long key) {
        return isWanted ? new long[] {key} : new long[0];
    }

    private long key(int layer, int kind, int expert) {
        return CounterRandom.key(CounterRandom.key(CounterRandom.key(seed, layer), kind), expert);
    }

    private static FloatArray vector(int size, double mean, double deviation, long key) {
        FloatArray vector = DeviceArrays.floats(size);
        for (int i = 0; i < size; i++) {
            vector.set(i, (float) (mean + (2 * CounterRandom.uniform(key, i) - 1) * Math.sqrt(3) * deviation));
        }
        return vector;
    }
}
