package io.maseparation.moe;

import io.maseparation.files.Text;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.WeightMatrix;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Reads tensors in the number format that they are computed in. Where all are stored in one format, that is the one.
 * Where they are not, transformers gives all of them the format that config.json names; the same is done here, except
 * that what it would widen to fp32 may stay as it is: the values are the same, and it need not be copied.
 */
final class TensorTypes {
    private final Safetensors tensors;
    private final Optional<DataType> declared;
    private final Set<DataType> stored = EnumSet.noneOf(DataType.class);
    private final List<TensorInfo> rounded = new ArrayList<>();

    TensorTypes(Safetensors tensors, Optional<DataType> declared) {
        this.tensors = tensors;
        this.declared = declared;
        for (String name : tensors.names()) {
            if (name.endsWith(".weight") || name.endsWith("_proj") || name.endsWith(".bias")) {
                tensors.knownType(name).ifPresent(stored::add);
            }
        }
    }

    /** A tensor as a matrix, as {@link Safetensors#matrix(String)}. */
    WeightMatrix matrix(String name) {
        WeightMatrix matrix = tensors.matrix(name);
        DataType type = type(name);
        return type == matrix.type() ? matrix : TypeCast.copy(matrix, type, tensors.info(name).where());
    }

    /** A small tensor, as {@link Safetensors#floats(String)}. */
    float[] floats(String name) {
        float[] values = tensors.floats(name);
        DataType type = type(name);
        if (type != tensors.type(name)) {
            for (int i = 0; i < values.length; i++) {
                values[i] = TypeCast.rounded(values[i], type);
            }
        }
        return values;
    }

    /** Matrices that a kernel reads together, in one format: fp32 where they differ. */
    List<WeightMatrix> alike(List<WeightMatrix> matrices) {
        DataType first = matrices.getFirst().type();
        if (matrices.stream().allMatch(m -> m.type() == first)) {
            return matrices;
        }
        return matrices.stream()
                .map(m -> m.type() == DataType.F32 ? m : TypeCast.copy(m, DataType.F32, "a matrix"))
                .toList();
    }

    /** The format that a tensor is computed in. */
    DataType type(String name) {
        DataType own = tensors.type(name);
        DataType type = stored.size() > 1 ? declared.orElse(DataType.F32) : own;
        if (type == DataType.F32 || type == own) {
            return own;
        }
        rounded.add(tensors.info(name));
        return type;
    }

    /** A line about what was rounded, or if config.json names a narrower format than all tensors have. */
    Optional<String> warning() {
        if (!rounded.isEmpty()) {
            TensorInfo first = rounded.getFirst();
            return Optional
                    .of(("%s: %d tensors are not of config.json's dtype %s and are rounded to it, as transformers"
                            + " does; the first is %s (%s)")
                            .formatted(tensors.source(), rounded.size(), declared.orElseThrow(),
                                    Text.printable(first.name()),
                                    first.type()));
        }
        return declared
                .filter(type -> type != DataType.F32 && stored.size() == 1 && !stored.contains(type))
                .map(type -> "%s: all tensors are %s, config.json's dtype is %s: they are used as they are"
                        .formatted(tensors.source(), stored.iterator().next(), type));
    }
}
