package io.maseparation.moe;

import io.maseparation.kernels.DataType;
import io.maseparation.kernels.DeviceArrays;
import io.maseparation.kernels.ExpertWeights;
import io.maseparation.kernels.WeightMatrix;
import io.maseparation.kernels.operations.KernelTarget;
import java.util.Collection;
import java.util.EnumSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * Copies of a model's matrices in a format that devices can read: bf16 becomes fp16 or else fp32, fp16 becomes fp32.
 */
public final class WeightConversion {
    private static final float MOST_F16 = 65504f;
    private static final int PIECE = 1 << 20;

    private final DataType type;
    private final IdentityHashMap<TornadoNativeArray, TornadoNativeArray> arrays = new IdentityHashMap<>();
    private final AtomicLong tooLarge = new AtomicLong();
    private final AtomicLong tooSmall = new AtomicLong();

    private WeightConversion(DataType type) {
        this.type = type;
    }

    /**
     * {@return the weights themselves if all devices can read their format, otherwise a copy} What does not fit into
     * fp16 is set to the nearest value that does, and a warning says how many values that were.
     *
     * @param targets what the devices can do
     * @param weights the model
     */
    public static ModelWeights readableBy(Collection<KernelTarget> targets, ModelWeights weights) {
        Set<DataType> types = EnumSet.noneOf(DataType.class);
        matrices(weights.whileBeingMade()).forEach(m -> types.add(m.type()));
        boolean fp16 = targets.stream().allMatch(KernelTarget::fp16);
        types.removeIf(type -> switch (type) {
            case F32 -> true;
            case F16 -> fp16;
            case BF16 -> targets.stream().allMatch(KernelTarget::bf16);
        });
        if (types.isEmpty()) {
            return weights;
        }
        WeightConversion conversion = new WeightConversion(fp16 ? DataType.F16 : DataType.F32);
        ModelWeights converted = conversion.convert(weights);
        String loss = conversion.loss();
        System.getLogger(WeightConversion.class.getName()).log(
                loss.isEmpty() ? System.Logger.Level.INFO : System.Logger.Level.WARNING,
                "%s: %s weights, which the device cannot read, became %s%s"
                        .formatted(weights.config().name(),
                                types.stream().map(DataType::name).collect(Collectors.joining(" and ")),
                                conversion.type, loss));
        return converted;
    }

    private static Stream<WeightMatrix> matrices(ModelWeights weights) {
        return Stream.concat(
                Stream.of(weights.embedding(), weights.output()),
                weights.layers().stream().flatMap(layer -> {
                    LayerWeights.Attention a = layer.attention();
                    return Stream.of(
                            Stream.of(a.q(), a.k(), a.v(), a.o()),
                            layer.experts().stream().flatMap(e -> e.matrices().stream()),
                            Stream.ofNullable(layer.extra()).flatMap(e -> e.matrices().stream()))
                            .flatMap(m -> m);
                }));
    }

    private String loss() {
        if (tooLarge.get() + tooSmall.get() == 0) {
            return "";
        }
        return "; %,d values do not fit: %,d are too large (now ±65504), %,d too small (now 0)"
                .formatted(tooLarge.get() + tooSmall.get(), tooLarge.get(), tooSmall.get());
    }

    private ModelWeights convert(ModelWeights w) {
        List<LayerWeights> layers = w.layers().stream().map(this::convert).toList();
        return new ModelWeights(
                w.config().withWeightType(layers.getFirst().attention().q().type()),
                convert(w.embedding()),
                layers,
                w.finalNorm(),
                convert(w.output()));
    }

    private LayerWeights convert(LayerWeights w) {
        LayerWeights.Attention a = w.attention();
        return new LayerWeights(
                w.inputNorm(),
                new LayerWeights.Attention(
                        convert(a.q()), convert(a.k()), convert(a.v()), convert(a.o()),
                        a.qkvBias(), a.outputBias(), a.qNorm(), a.kNorm()),
                w.postNorm(),
                w.router(),
                w.extraGate(),
                w.experts().map(this::convert),
                w.extra() == null ? null : convert(w.extra()));
    }

    private ExpertWeights convert(ExpertWeights w) {
        return new ExpertWeights(w.gate() == null ? null : convert(w.gate()), convert(w.up()), convert(w.down()));
    }

    /** Views of one array stay views of one array: experts that lie side by side still do. */
    private WeightMatrix convert(WeightMatrix m) {
        if (m.type() == type || m.type() == DataType.F32) {
            return m;
        }
        TornadoNativeArray data = arrays.computeIfAbsent(m.data(), a -> copy(a, m.type()));
        return new WeightMatrix(type, data, m.offset(), m.rows(), m.cols(), m.rowStride());
    }

    private TornadoNativeArray copy(TornadoNativeArray array, DataType from) {
        int n = array.getSize();
        ExactMatrix reader = new ExactMatrix(new WeightMatrix(from, array, 0, 1, n, n));
        TornadoNativeArray to = DeviceArrays.of(type, n);
        IntStream.range(0, Math.ceilDiv(n, PIECE)).parallel().forEach(piece -> {
            int end = (int) Math.min(n, (piece + 1L) * PIECE);
            for (int i = piece * PIECE; i < end; i++) {
                float value = (float) reader.get(0, i);
                if (to instanceof FloatArray floats) {
                    floats.set(i, value);
                } else {
                    ((HalfFloatArray) to).set(i, new HalfFloat(half(value)));
                }
            }
        });
        return to;
    }

    /** The value, within what fp16 holds. */
    private float half(float value) {
        if (Math.abs(value) > MOST_F16 && Float.isFinite(value)) {
            tooLarge.incrementAndGet();
            return Math.copySign(MOST_F16, value);
        }
        if (value != 0 && Float.float16ToFloat(Float.floatToFloat16(value)) == 0) {
            tooSmall.incrementAndGet();
        }
        return value;
    }
}
