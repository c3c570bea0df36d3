package io.maseparation.parallel.compare;

import io.maseparation.kernels.Activation;
import io.maseparation.kernels.Body;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.Routing;
import io.maseparation.moe.BrokenWeights;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelConfig.QkNorm;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.RandomWeights;
import io.maseparation.moe.Reference;
import io.maseparation.moe.Rope;
import io.maseparation.moe.segments.Device;
import io.maseparation.parallel.execute.PlanExecutor;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.run.ExecutionOptions;
import io.maseparation.parallel.run.Job;
import io.maseparation.parallel.run.RankLoader;
import io.maseparation.parallel.run.RunFailedException;
import io.maseparation.parallel.run.RunResult;
import io.maseparation.parallel.run.Workload;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;

/**
 * Compiles and runs every kernel body that a device may get, in small models with all operations, and holds the logits
 * against the float64 reference: whether a device, its driver and TornadoVM's compiler for it can be trusted.
 */
public final class SelfCheck {
    /** Largest difference of a logit, in root mean squares of the logits, where everything is accurate. */
    static final double ACCURATE = 1e-4;
    /** The same with a cache of fp16, whose numbers are off by up to 2^-11. */
    static final double F16_CACHE = 1e-2;
    /** The same with activations of fp16 as well, off by up to 2^-11 before every matrix. */
    static final double F16_ACTIVATIONS = 3e-2;

    /** Where a router's choice is closer than this, rounding may send a row to another expert. */
    private static final double ROUTER_GAP = 1e-2;

    private static final int TOKENS = 6;
    private static final int VOCABULARY = 512;
    /** More rows than kernels for few rows take, and prompts that do not fill their tiles. */
    private static final List<Integer> PROMPTS = List.of(70, 33, 5);

    /**
     * One run.
     *
     * @param device with the bodies and modes to check
     * @param model what is run: two layers with random weights
     * @param cache format of the KV cache
     * @param tolerance largest difference that is right, in root mean squares of the logits
     */
    public record Check(Device device, ModelConfig model, DataType cache, double tolerance) {
        /** {@return what multiplies activations: F16 or F32} */
        public DataType activations() {
            return device.target().f16Activations() ? DataType.F16 : DataType.F32;
        }

        /** {@return the body that operations get} */
        public Body body() {
            return device.target().choose().body();
        }

        /** {@return whether matrices are multiplied on tensor cores} */
        public boolean onTensorCores() {
            return model.weightType() == DataType.F16 && device.multipliesOnTensorCores();
        }

        /**
         * {@return what came of it} A failure of the device is a result, not an exception.
         */
        public Outcome run() {
            long start = System.nanoTime();
            try {
                double error = largestError();
                Optional<String> failure = error <= tolerance ? mistaken() : Optional.of("wrong");
                return new Outcome(this, error, failure, seconds(start));
            } catch (VirtualMachineError e) {
                throw e;
            } catch (RuntimeException | Error e) {
                return new Outcome(this, Double.NaN, Optional.of(reason(e)), seconds(start));
            }
        }

        private static double seconds(long start) {
            return (System.nanoTime() - start) / 1e9;
        }

        private static String reason(Throwable failure) {
            String message = failure.getMessage();
            String text = message == null ? failure.toString() : message;
            return text.lines().findFirst().orElse(text);
        }

        /**
         * Where it takes for a number what is none. Compilers of devices turn conditions round, and then NaN, which is
         * neither less nor more, may go either way.
         */
        private Optional<String> mistaken() {
            ModelWeights weights = RandomWeights.create(model, 1);
            if (onTensorCores()) {
                BrokenWeights.enlarge(weights);
            } else if (model.weightType() == DataType.F32 && model.qkNorm() == QkNorm.NONE) {
                BrokenWeights.breakRouter(weights);
            } else {
                return Optional.empty();
            }
            try {
                run(new Job(weights, Workload.greedy(List.of(new int[] {1, 2, 3}), 1).ignoringEos(), options()));
            } catch (RunFailedException e) {
                return String.valueOf(e.getMessage()).contains("is not a finite number")
                        ? Optional.empty()
                        : Optional.of(reason(e));
            }
            return Optional.of("NaN passed for a number");
        }

        private ExecutionOptions options() {
            return ExecutionOptions.defaults().withDevices(List.of(device)).withKvType(cache);
        }

        private double largestError() {
            ModelWeights weights = RandomWeights.create(model, 1);
            SplittableRandom random = new SplittableRandom(1);
            List<int[]> prompts = PROMPTS.stream()
                    .map(length -> random.ints(length, 0, VOCABULARY).toArray())
                    .toList();
            Workload workload = Workload.greedy(prompts, TOKENS).ignoringEos();
            ExecutionOptions options = options();
            Map<List<Integer>, float[]> logits = new ConcurrentHashMap<>();
            RunResult seen = run(new Job(weights, workload, options, RankLoader.real(),
                    Optional.of((sequence, index, row) -> logits.put(List.of(sequence, index), row.clone()))));
            // Where nobody looks at the logits, the device chooses the tokens: the same way in all models.
            Optional<RunResult> unseen = model.qkNorm() == QkNorm.NONE && cache == DataType.F32
                    ? Optional.of(run(new Job(weights, workload, options)))
                    : Optional.empty();
            Reference reference = new Reference(weights);
            double worst = 0;
            for (int s = 0; s < prompts.size(); s++) {
                List<Integer> tokens = seen.outputs().get(s).tokenIds();
                int sequence = s;
                if (unseen.filter(result -> !tokens.equals(result.outputs().get(sequence).tokenIds())).isPresent()) {
                    return Double.POSITIVE_INFINITY;
                }
                int[] all = IntStream.concat(
                        IntStream.of(prompts.get(s)),
                        tokens.stream().mapToInt(t -> t)).toArray();
                worst = Math.max(worst, worst(reference.trace(all, all.length), prompts.get(s).length, s, logits));
            }
            return worst;
        }

        private static double worst(
                Reference.Trace expected, int promptLength, int sequence, Map<List<Integer>, float[]> logits) {
            double worst = 0;
            double gap = DoubleStream.of(expected.routerGap()).limit(promptLength).min().orElseThrow();
            for (int i = 0; i < TOKENS; i++) {
                int position = promptLength - 1 + i;
                gap = Math.min(gap, expected.routerGap()[position]);
                float[] row = logits.get(List.of(sequence, i));
                if (row == null) {
                    return Double.POSITIVE_INFINITY;
                }
                double[] right = expected.logits()[position];
                double rms = Math.sqrt(DoubleStream.of(right).map(x -> x * x).average().orElseThrow());
                double error = IntStream.range(0, right.length)
                        .mapToDouble(j -> Math.abs(row[j] - right[j]) / rms)
                        // Not a number counts as wrong.
                        .map(e -> e >= 0 ? e : Double.POSITIVE_INFINITY)
                        .max()
                        .orElseThrow();
                if (gap >= ROUTER_GAP || error == Double.POSITIVE_INFINITY) {
                    worst = Math.max(worst, error);
                }
            }
            return worst;
        }

        /** A norm over all heads is in pieces where heads are split: that has operations of its own. */
        Layout layout() {
            return model.qkNorm() == QkNorm.WHOLE ? Layout.tensorPipeline(2, 1) : Layout.single();
        }

        private RunResult run(Job job) {
            try (PlanExecutor executor = new PlanExecutor(Planning.plan(model, layout()), job)) {
                return executor.run();
            }
        }
    }

    /**
     * What came of a check.
     *
     * @param check the check
     * @param error largest difference of a logit, in root mean squares of the logits; NaN if there are none
     * @param failure why it failed: "wrong", what the device said, or that it went on with NaN; empty if it is right
     * @param seconds time that it took, compilation included
     */
    public record Outcome(Check check, double error, Optional<String> failure, double seconds) {}

    private SelfCheck() {}

    /**
     * {@return the checks of a device} Its own bodies with every format of weights that it can read and in its modes,
     * with and without tensor cores, with a cache and activations of fp16, with heads of few and of many columns; on a
     * device of an SDK the portable ones in fp32.
     *
     * @param device as it was listed, or with a body that was asked for, which then is the only one
     */
    public static List<Check> of(Device device) {
        Body own = device.target().choose().body();
        List<Check> checks = new ArrayList<>(ofBody(device, own));
        if (own == Body.PORTABLE || device.target().override().isPresent()) {
            return checks;
        }
        if (device.target().embedded()) {
            checks.addAll(ofBody(device, Body.PORTABLE));
        } else {
            // What a device gets only if it is asked for: compiling it takes longer than the rest.
            models(DataType.F32).forEach(
                    model -> checks.add(new Check(device.withBody(Body.PORTABLE), model, DataType.F32, ACCURATE)));
        }
        return checks;
    }

    private static List<Check> ofBody(Device device, Body body) {
        List<Check> checks = new ArrayList<>();
        Device with = device.withBody(body);
        for (DataType type : types(device)) {
            checks.add(new Check(with, plain(type), DataType.F32, ACCURATE));
        }
        boolean fp16 = device.target().fp16();
        if (fp16 && with.multipliesOnTensorCores()) {
            checks.add(new Check(with.withoutTensorCores(), plain(DataType.F16), DataType.F32, ACCURATE));
            checks.add(new Check(with.withF16Activations(), plain(DataType.F16), DataType.F16, F16_ACTIVATIONS));
        }
        if (fp16) {
            checks.add(new Check(with, plain(DataType.F16), DataType.F16, F16_CACHE));
            // Wider heads, and attention of prompts without tensor cores.
            checks.add(new Check(with.withoutTensorCores(), qwenLike(DataType.F16), DataType.F16, F16_CACHE));
        }
        for (ModelConfig model : others(fp16 ? DataType.F16 : DataType.F32)) {
            checks.add(new Check(with, model, DataType.F32, ACCURATE));
        }
        return checks;
    }

    private static List<DataType> types(Device device) {
        List<DataType> types = new ArrayList<>(List.of(DataType.F32));
        if (device.target().fp16()) {
            types.add(DataType.F16);
        }
        if (device.target().bf16()) {
            types.add(DataType.BF16);
        }
        return types;
    }

    /** All models that are checked, in a format. */
    static List<ModelConfig> models(DataType type) {
        List<ModelConfig> models = new ArrayList<>(List.of(plain(type)));
        models.addAll(others(type));
        return models;
    }

    private static ModelConfig plain(DataType type) {
        return model("mixtral-like", type, attention(64, QkNorm.NONE, false, 0), Activation.SILU, Routing.Extra.NONE);
    }

    /** Its heads are wider than 64 columns, for which attention has bodies of its own, and do not fill those. */
    private static ModelConfig qwenLike(DataType type) {
        return model("qwen-like", type, attention(112, QkNorm.PER_HEAD, true, 0), Activation.SILU,
                Routing.Extra.SIGMOID_GATE);
    }

    /** What other families have, too. */
    private static List<ModelConfig> others(DataType type) {
        return List.of(
                qwenLike(type),
                model("olmoe-like", type, attention(128, QkNorm.WHOLE, false, 2), Activation.GELU_TANH,
                        Routing.Extra.ALWAYS));
    }

    private static ModelConfig.Attention attention(int dim, QkNorm norm, boolean bias, float clip) {
        return new ModelConfig.Attention(
                new ModelConfig.Heads(4, 2, dim), 128, new Rope(10_000, 1), (float) (1 / Math.sqrt(dim)), norm, bias,
                bias, clip);
    }

    private static ModelConfig model(
            String name, DataType type, ModelConfig.Attention attention, Activation activation,
            Routing.Extra extra) {
        int width = 384;
        int extraWidth = extra == Routing.Extra.NONE ? 0 : width;
        ModelConfig.Layer layer = new ModelConfig.Layer(
                new Routing(8, 2, Routing.Rule.SOFTMAX_THEN_TOP_K, true, extra), width, extraWidth, 0);
        ModelConfig.Layer windowed = new ModelConfig.Layer(layer.routing(), width, extraWidth, 40);
        return new ModelConfig(
                name,
                "preset",
                256,
                new ModelConfig.Vocabulary(VOCABULARY, false, List.of()),
                attention,
                new ModelConfig.FeedForward(activation, activation == Activation.SILU),
                ModelConfig.Numerics.of(type, 1e-5f),
                List.of(layer, windowed));
    }
}
