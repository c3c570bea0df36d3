package io.maseparation.moe;

import io.maseparation.kernels.DataType;
import io.maseparation.kernels.DeviceArrays;
import io.maseparation.kernels.ExpertWeights;
import io.maseparation.kernels.WeightMatrix;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Map;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * Stands for matrices that nobody is to read: whoever does so gets numbers that are none, so that it shows. All rows of
 * all of them are the same memory.
 */
final class AbsentMatrices {
    private static final byte NOT_A_NUMBER_IN_ANY_FORMAT = -1;

    private final Map<DataType, Map<Integer, TornadoNativeArray>> rows = new EnumMap<>(DataType.class);

    WeightMatrix matrix(DataType type, int rowCount, int cols) {
        TornadoNativeArray row = rows.computeIfAbsent(type, t -> new HashMap<>())
                .computeIfAbsent(cols, n -> {
                    TornadoNativeArray made = DeviceArrays.of(type, n);
                    made.getSegment().fill(NOT_A_NUMBER_IN_ANY_FORMAT);
                    return made;
                });
        return new WeightMatrix(type, row, 0, rowCount, cols, 0);
    }

    ExpertWeights expert(DataType type, boolean gated, int width, int hidden) {
        return new ExpertWeights(gated ? matrix(type, width, hidden) : null, matrix(type, width, hidden),
                matrix(type, hidden, width));
    }
}
