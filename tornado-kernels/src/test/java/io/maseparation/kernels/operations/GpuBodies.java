package io.maseparation.kernels.operations;

import io.maseparation.kernels.Activation;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.DeviceArrays;
import io.maseparation.kernels.ExpertBank;
import io.maseparation.kernels.ExpertWeights;
import io.maseparation.kernels.KvCache;
import io.maseparation.kernels.Routing;
import io.maseparation.kernels.WeightMatrix;
import io.maseparation.kernels.gpu.PeakKernels;
import io.maseparation.kernels.gpu.ProjectionGpu;
import io.maseparation.kernels.gpu.RowsGpu;
import io.maseparation.kernels.gpu.WorkerGrids;
import java.io.IOException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/** A small task for every gpu body, added the way an application adds it: by its operation. */
final class GpuBodies {
    private static final int ROWS = 3;
    private static final int COLS = 70;
    private static final int OUTPUTS = 5;
    private static final int HEADS = 4;
    private static final int KV_HEADS = 2;
    private static final int HEAD_DIM = 8;
    private static final int ANGLES = 70;
    private static final int EXPERTS = 3;
    private static final int SLOTS = 2;
    private static final int THREADS = 256;

    private GpuBodies() {}

    /**
     * A task and its arrays.
     *
     * @param adder adds the task under a name
     * @param arrays what it reads and writes
     */
    record Task(Adder adder, Object... arrays) {}

    /** Adds a task to a graph. */
    @FunctionalInterface
    interface Adder {
        /** Adds the task under the name {@code id}. */
        void add(KernelGraph graph, String id);
    }

    /** Makes a task with random inputs, by the class and method of the gpu body, such as "ProjectionGpu.projectF32". */
    static Map<String, Function<Random, Task>> tasks() {
        Map<String, Function<Random, Task>> tasks = new TreeMap<>();
        for (DataType type : DataType.values()) {
            String suffix = switch (type) {
                case F32 -> "F32";
                case F16 -> "F16";
                case BF16 -> "Bf16";
            };
            tasks.put("RowsGpu.embed" + suffix, random -> embedding(random, type));
            tasks.put("ProjectionGpu.project" + suffix, random -> projection(random, type));
            tasks.put("QkvGpu.qkv" + suffix, random -> qkv(random, type));
            tasks.put("ExpertGpu.up" + suffix, random -> expertUp(random, type));
            tasks.put("ExpertGpu.down" + suffix, random -> expertDown(random, type));
        }
        for (DataType type : List.of(DataType.F32, DataType.F16)) {
            String method = type == DataType.F32 ? "f32" : "f16";
            tasks.put("RopeGpu." + method, random -> rope(random, type));
            tasks.put("CacheGpu." + method, random -> randomCache(random, type));
            tasks.put("DecodeGpu." + method, random -> attention(random, type, true, HEAD_DIM));
            tasks.put("PrefillGpu." + method, random -> attention(random, type, false, HEAD_DIM));
        }
        tasks.put("DecodeWarps.f32Columns", random -> attention(random, DataType.F32, true, 65));
        tasks.put("DecodeWarps.f16Pairs", random -> attention(random, DataType.F16, true, 72));
        tasks.put("PrefillTensor.attend", random -> attention(random, DataType.F16, false, 32));
        // The tasks of one operation.
        for (String body : List.of("PackTensor.rows", "PackTensor.rowsF16", "ProjectionTensor.multiply",
                "ProjectionTensor.multiplyF16", "ProjectionTensor.sum")) {
            tasks.put(body, random -> tensorProjection(random, 6, 18, body.endsWith("F16")));
        }
        tasks.put("ManyRowsTensor.multiply", random -> tensorProjection(random, 40, 128, false));
        for (String body : List.of("PackTensor.pairs", "PackTensor.pairsF16", "ExpertTensor.multiply",
                "ExpertTensor.sum")) {
            tasks.put(body, random -> tensorExperts(random, ROWS, body.endsWith("F16")));
        }
        tasks.put("MiddleRowsTensor.multiply", random -> tensorExperts(random, 26, false));
        tasks.put("RowsGpu.residualAdd", GpuBodies::residualAdd);
        tasks.put("RowsGpu.clip", GpuBodies::clip);
        tasks.put("RowsGpu.read", random -> read());
        tasks.put("RowsGpu.selectRows", GpuBodies::selectRows);
        tasks.put("RowsGpu.scaleByRms", GpuBodies::scaleByRms);
        tasks.put("NormGpu.rmsNorm", GpuBodies::rmsNorm);
        tasks.put("NormGpu.headRmsNorm", GpuBodies::headRmsNorm);
        tasks.put("NormGpu.sumOfSquares", GpuBodies::sumOfSquares);
        tasks.put("RouterGpu.route", GpuBodies::router);
        tasks.put("DispatchGpu.dispatch", GpuBodies::dispatch);
        tasks.put("CombineGpu.combine", GpuBodies::combine);
        tasks.put("ArgMaxGpu.argMax", GpuBodies::argMax);
        tasks.put("PeakKernels.copy", GpuBodies::copy);
        tasks.put("PeakKernels.multiplyAdds", GpuBodies::multiplyAdds);
        return tasks;
    }

    /** Whether a body is taken on devices with tensor cores only. */
    static boolean onTensorCores(String body) {
        return body.contains("Tensor.");
    }

    /** Whether a body is taken for activations of fp16 only. */
    static boolean f16Activations(String body) {
        return onTensorCores(body) && body.endsWith("F16");
    }

    /** Every gpu body there is: the public methods of that package that take a KernelContext. */
    static Set<String> declared() {
        Set<String> names = new TreeSet<>();
        for (Method method : methods()) {
            names.add(method.getDeclaringClass().getSimpleName() + "." + method.getName());
        }
        return names;
    }

    private static List<Method> methods() {
        List<Method> methods = new ArrayList<>();
        try {
            Path classes = Path.of(ProjectionGpu.class.getProtectionDomain().getCodeSource().getLocation().toURI());
            Path folder = classes.resolve(ProjectionGpu.class.getPackageName().replace('.', '/'));
            try (Stream<Path> files = Files.list(folder)) {
                for (Path file : files.sorted().toList()) {
                    String name = file.getFileName().toString();
                    if (name.endsWith(".class")) {
                        String type = ProjectionGpu.class.getPackageName() + "." + name.replace(".class", "");
                        for (Method method : Class.forName(type).getDeclaredMethods()) {
                            Class<?>[] parameters = method.getParameterTypes();
                            if (Modifier.isPublic(method.getModifiers()) && parameters.length > 0
                                    && parameters[0] == KernelContext.class) {
                                methods.add(method);
                            }
                        }
                    }
                }
            }
        } catch (IOException | URISyntaxException | ClassNotFoundException e) {
            throw new IllegalStateException(e);
        }
        return methods;
    }

    private static IntArray step(int phase) {
        return RowOps.step(0, ROWS, phase);
    }

    private static Task embedding(Random random, DataType type) {
        WeightMatrix table = TestArrays.randomMatrix(random, type, OUTPUTS, COLS, 0, 0);
        IntArray tokens = TestArrays.ints(4, 0, 2);
        FloatArray x = TestArrays.poisoned(ROWS * COLS);
        IntArray step = step(0);
        return new Task((g, id) -> Embedding.add(g, id, step, tokens, table, x, 1.5f), step, tokens, x);
    }

    private static Task projection(Random random, DataType type) {
        WeightMatrix w = TestArrays.randomMatrix(random, type, OUTPUTS, COLS, 0, 0);
        FloatArray x = TestArrays.random(random, ROWS * COLS);
        FloatArray bias = TestArrays.random(random, OUTPUTS);
        FloatArray out = TestArrays.random(random, ROWS * OUTPUTS);
        IntArray step = step(0);
        return new Task((g, id) -> Projection.add(g, id, step, x, w, bias, out, 0.5f, true), step, x, out);
    }

    private static Task qkv(Random random, DataType type) {
        WeightMatrix q = TestArrays.randomMatrix(random, type, HEADS * HEAD_DIM, COLS, 0, 0);
        WeightMatrix k = TestArrays.randomMatrix(random, type, KV_HEADS * HEAD_DIM, COLS, 0, 0);
        WeightMatrix v = TestArrays.randomMatrix(random, type, KV_HEADS * HEAD_DIM, COLS, 0, 0);
        int width = (HEADS + 2 * KV_HEADS) * HEAD_DIM;
        FloatArray bias = TestArrays.random(random, width);
        FloatArray x = TestArrays.random(random, ROWS * COLS);
        FloatArray out = TestArrays.poisoned(ROWS * width);
        IntArray step = step(0);
        return new Task((g, id) -> QkvProjection.add(g, id, step, x, q, k, v, bias, out, 2f), step, x, out);
    }

    /** More rows than one tile of x takes, and outputs that are not a multiple of a tile of weights. */
    private static Task tensorProjection(Random random, int rows, int outputs, boolean f16) {
        WeightMatrix w = TestArrays.randomMatrix(random, DataType.F16, outputs, COLS, 0, 0);
        FloatArray x = multiplied(random, rows * COLS, f16);
        FloatArray out = TestArrays.random(random, rows * outputs);
        IntArray step = RowOps.step(0, rows, 0);
        return new Task((g, id) -> Projection.add(g, id, step, x, w, null, out, 0.5f, true), step, x, out);
    }

    /** x, of numbers that fp16 holds where the body rounds it to that. */
    private static FloatArray multiplied(Random random, int size, boolean f16) {
        FloatArray x = TestArrays.random(random, size);
        for (int i = 0; f16 && i < size; i++) {
            x.set(i, Float.float16ToFloat(Float.floatToFloat16(x.get(i))));
        }
        return x;
    }

    private static Task tensorExperts(Random random, int rows, boolean f16) {
        int width = 18;
        WeightMatrix in = TestArrays.randomMatrix(random, DataType.F16, 2 * width, COLS, 0, 0);
        WeightMatrix down = TestArrays.randomMatrix(random, DataType.F16, COLS, width, 0, 0);
        ExpertWeights expert = new ExpertWeights(in.rowRange(0, width), in.rowRange(width, 2 * width), down);
        ExpertBank bank = new ExpertBank(0, 1, expert, 0, 0, 0);
        FloatArray x = multiplied(random, rows * COLS, f16);
        FloatArray hidden = TestArrays.poisoned(rows * width);
        IntArray offsets = TestArrays.ints(0, rows);
        IntArray pairs = TestArrays.ints(IntStream.range(0, rows).toArray());
        return new Task(
                (g, id) -> ExpertUp.add(g, id, x, offsets, pairs, bank, hidden, width, 1, Activation.SILU),
                x, offsets, pairs, hidden);
    }

    private static ExpertBank bank(Random random, DataType type) {
        WeightMatrix in = TestArrays.randomMatrix(random, type, EXPERTS * 2 * OUTPUTS, COLS, 0, 0);
        WeightMatrix down = TestArrays.randomMatrix(random, type, EXPERTS * COLS, OUTPUTS, 0, 0);
        ExpertWeights first = new ExpertWeights(
                in.rowRange(0, OUTPUTS), in.rowRange(OUTPUTS, 2 * OUTPUTS), down.rowRange(0, COLS));
        int stride = 2 * OUTPUTS * in.rowStride();
        return new ExpertBank(0, EXPERTS, first, stride, stride, COLS * down.rowStride());
    }

    private static Task expertUp(Random random, DataType type) {
        ExpertBank bank = bank(random, type);
        FloatArray x = TestArrays.random(random, ROWS * COLS);
        FloatArray hidden = TestArrays.poisoned(ROWS * SLOTS * OUTPUTS);
        IntArray offsets = TestArrays.ints(0, 2, 2, 6);
        IntArray pairs = TestArrays.ints(1, 4, 0, 2, 3, 5);
        return new Task(
                (g, id) -> ExpertUp.add(
                        g, id, x, offsets, pairs, bank, hidden, OUTPUTS, SLOTS,
                        type == DataType.F16 ? Activation.GELU : Activation.GELU_TANH),
                x, offsets, pairs, hidden);
    }

    private static Task expertDown(Random random, DataType type) {
        ExpertBank bank = bank(random, type);
        FloatArray hidden = TestArrays.random(random, ROWS * SLOTS * OUTPUTS);
        FloatArray out = TestArrays.poisoned(ROWS * SLOTS * COLS);
        IntArray offsets = TestArrays.ints(0, 2, 2, 6);
        IntArray pairs = TestArrays.ints(1, 4, 0, 2, 3, 5);
        return new Task(
                (g, id) -> ExpertDown.add(g, id, hidden, offsets, pairs, bank, out, OUTPUTS),
                hidden, offsets, pairs, out);
    }

    /** Rows of three sequences, the first of which has two blocks. */
    private static IntArray rowInfo() {
        return TestArrays.ints(66, 9, 66, 0, 11, 0, 5, 12, 9, 3, 1, 0, 2);
    }

    private static TornadoNativeArray cache(Random random, DataType type, int headDim) {
        return TestArrays.randomMatrix(random, type, 4 * KvCache.BLOCK, KV_HEADS * headDim, 0, 0).data();
    }

    private static Task rope(Random random, DataType type) {
        FloatArray qkv = TestArrays.random(random, ROWS * (HEADS + 2 * KV_HEADS) * HEAD_DIM);
        FloatArray cosSin = TestArrays.random(random, ANGLES * HEAD_DIM);
        TornadoNativeArray k = cache(random, type, HEAD_DIM);
        TornadoNativeArray v = cache(random, type, HEAD_DIM);
        IntArray info = rowInfo();
        IntArray step = step(0);
        return new Task(
                (g, id) -> RopeAppend.add(
                        g, id, step, qkv, info, cosSin, new KvCache(type, KV_HEADS, HEAD_DIM, List.of(k), List.of(v)),
                        HEADS, HEAD_DIM / 4),
                step, qkv, info, k, v);
    }

    private static Task attention(Random random, DataType type, boolean decode, int headDim) {
        FloatArray qkv = TestArrays.random(random, ROWS * (HEADS + 2 * KV_HEADS) * headDim);
        TornadoNativeArray k = cache(random, type, headDim);
        TornadoNativeArray v = cache(random, type, headDim);
        KvCache cache = new KvCache(type, KV_HEADS, headDim, List.of(k), List.of(v));
        FloatArray out = TestArrays.poisoned(ROWS * HEADS * headDim);
        IntArray info = rowInfo();
        IntArray step = step(decode ? 0 : ROWS);
        return new Task(
                (g, id) -> {
                    if (decode) {
                        DecodeAttention.add(
                                g, id, step, qkv, info, cache, out, HEADS, 0.3f, 4);
                    } else {
                        PrefillAttention.add(
                                g, id, step, qkv, info, cache, out, HEADS, 0.3f, 4);
                    }
                },
                step, qkv, info, k, v, out);
    }

    private static Task randomCache(Random random, DataType type) {
        TornadoNativeArray k = cache(random, type, HEAD_DIM);
        KvCache cache = new KvCache(type, KV_HEADS, HEAD_DIM, List.of(k), List.of(cache(random, type, HEAD_DIM)));
        int blocks = k.getSize() / (KV_HEADS * HEAD_DIM * KvCache.BLOCK);
        IntArray stream = TestArrays.ints(random.nextInt(), random.nextInt(), 2, 1);
        IntArray where = DeviceArrays.ints(3 * blocks);
        where.init(5);
        TornadoNativeArray values = RandomCache.values(type);
        return new Task(
                (g, id) -> RandomCache.add(
                        g, id, new RandomCache.Context(stream, where, values), cache.part(0), k),
                stream, where, values, k);
    }

    private static Task residualAdd(Random random) {
        FloatArray y = TestArrays.random(random, ROWS * COLS);
        FloatArray x = TestArrays.random(random, ROWS * COLS);
        IntArray step = step(0);
        return new Task((g, id) -> ResidualAdd.add(g, id, step, y, x, COLS, 0.5f), step, y, x);
    }

    private static Task clip(Random random) {
        FloatArray x = TestArrays.random(random, ROWS * COLS);
        IntArray step = step(0);
        return new Task((g, id) -> Clip.add(g, id, step, x, COLS, 0.5f), step, x);
    }

    private static Task read() {
        IntArray a = TestArrays.ints(2, 70);
        IntArray b = TestArrays.ints(3, 0, 1);
        IntArray sum = TestArrays.ints(-1);
        return new Task(
                (g, id) -> g.task(
                        id, WorkerGrids.groups(1, WorkerGrids.WARP),
                        t -> t.task(id, RowsGpu::read, g.context(), a, b, b, a, b, sum)),
                a, b, sum);
    }

    private static Task selectRows(Random random) {
        FloatArray in = TestArrays.random(random, ROWS * COLS);
        FloatArray out = TestArrays.poisoned(ROWS * COLS);
        IntArray index = TestArrays.ints(2, 0, 2);
        IntArray step = step(0);
        return new Task((g, id) -> SelectRows.add(g, id, step, index, in, out, COLS), step, index, in, out);
    }

    private static Task scaleByRms(Random random) {
        FloatArray buf = TestArrays.random(random, ROWS * COLS);
        FloatArray weight = TestArrays.random(random, COLS);
        FloatArray sums = TestArrays.poisoned(ROWS * 2);
        sums.init(3f);
        IntArray step = step(0);
        return new Task(
                (g, id) -> ScaleByRms.add(
                        g, id, step, buf, weight, 0, COLS, 2, OUTPUTS, sums, 2, 1, COLS, 1e-5f),
                step, buf, weight, sums);
    }

    private static Task rmsNorm(Random random) {
        FloatArray in = TestArrays.random(random, ROWS * COLS);
        FloatArray weight = TestArrays.random(random, COLS);
        FloatArray out = TestArrays.poisoned(ROWS * COLS);
        IntArray step = step(0);
        return new Task((g, id) -> RmsNorm.add(g, id, step, in, weight, out, COLS, 1e-5f), step, in, out);
    }

    private static Task headRmsNorm(Random random) {
        FloatArray buf = TestArrays.random(random, ROWS * COLS);
        FloatArray weight = TestArrays.random(random, HEAD_DIM);
        IntArray step = step(0);
        return new Task(
                (g, id) -> HeadRmsNorm.add(g, id, step, buf, weight, COLS, 3, HEADS, HEAD_DIM, 1e-5f), step, buf);
    }

    private static Task sumOfSquares(Random random) {
        FloatArray buf = TestArrays.random(random, ROWS * COLS);
        FloatArray sums = TestArrays.poisoned(ROWS * 2);
        IntArray step = step(0);
        return new Task((g, id) -> SumOfSquares.add(g, id, step, buf, COLS, 3, COLS - 4, sums, 2, 1), step, buf, sums);
    }

    private static Task router(Random random) {
        Routing routing = new Routing(6, 2, Routing.Rule.SOFTMAX_THEN_TOP_K, true, Routing.Extra.SIGMOID_GATE);
        FloatArray h = TestArrays.random(random, ROWS * COLS);
        FloatArray gate = TestArrays.random(random, routing.experts() * COLS);
        FloatArray extra = TestArrays.random(random, COLS);
        IntArray ids = DeviceArrays.ints(ROWS * routing.slots());
        IntArray choices = DeviceArrays.ints(2 * ROWS * routing.slots());
        IntArray at = TestArrays.ints(ROWS * routing.slots());
        FloatArray weights = TestArrays.poisoned(ROWS * routing.slots());
        FloatArray scores = TestArrays.random(random, ROWS * routing.experts());
        IntArray step = step(0);
        return new Task(
                (g, id) -> Router.add(g, id, step, h, gate, extra, ids, weights, choices, at, scores, COLS,
                        routing),
                step, h, ids, weights, choices);
    }

    private static Task dispatch(Random random) {
        IntArray ids = TestArrays.ints(0, 2, -1, 1, 2, random.nextInt(3));
        IntArray groupOf = TestArrays.ints(1, -1, 0);
        IntArray offsets = DeviceArrays.ints(3);
        IntArray pairs = DeviceArrays.ints(ROWS * SLOTS);
        IntArray step = step(0);
        return new Task(
                (g, id) -> Dispatch.add(g, id, step, ids, SLOTS, groupOf, 2, offsets, pairs),
                step, ids, groupOf, offsets, pairs);
    }

    private static Task combine(Random random) {
        FloatArray expertOut = TestArrays.random(random, ROWS * SLOTS * COLS);
        FloatArray weights = TestArrays.random(random, ROWS * SLOTS);
        IntArray ids = TestArrays.ints(0, 2, -1, 1, 2, 0);
        FloatArray out = TestArrays.random(random, ROWS * COLS);
        IntArray step = step(0);
        return new Task(
                (g, id) -> Combine.add(g, id, step, expertOut, weights, ids, out, SLOTS, COLS, 0.5f, true),
                step, expertOut, weights, ids, out);
    }

    private static Task argMax(Random random) {
        FloatArray logits = TestArrays.random(random, ROWS * COLS);
        IntArray best = DeviceArrays.ints(ROWS);
        IntArray step = step(0);
        return new Task((g, id) -> ArgMax.add(g, id, step, logits, best, COLS), step, logits, best);
    }

    private static Task copy(Random random) {
        // Each thread copies eight elements, this far from each other.
        FloatArray from = TestArrays.random(random, 8 * THREADS);
        FloatArray to = TestArrays.poisoned(8 * THREADS);
        KernelContext context = new KernelContext();
        return new Task(
                (g, id) -> g.task(
                        id, WorkerGrids.elements(THREADS),
                        t -> t.task(id, PeakKernels::copy, context, from, to, THREADS)),
                from, to);
    }

    private static Task multiplyAdds(Random random) {
        FloatArray out = TestArrays.random(random, THREADS);
        KernelContext context = new KernelContext();
        return new Task(
                (g, id) -> g.task(
                        id, WorkerGrids.elements(THREADS),
                        t -> t.task(id, PeakKernels::multiplyAdds, context, out, 2)),
                out);
    }
}
