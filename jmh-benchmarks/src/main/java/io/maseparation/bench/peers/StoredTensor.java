package io.maseparation.bench.peers;

import io.maseparation.kernels.DataType;
import io.maseparation.kernels.WeightMatrix;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.List;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/**
 * A tensor on its way into a file.
 *
 * @param name what the file calls it
 * @param type format of its elements, little-endian
 * @param shape dimensions, the outermost first
 * @param parts its elements, one part after the other
 */
record StoredTensor(String name, DataType type, List<Integer> shape, List<MemorySegment> parts) {
    /** A matrix [rows, cols] as it is. */
    static StoredTensor of(String name, WeightMatrix matrix) {
        return new StoredTensor(name, matrix.type(), List.of(matrix.rows(), matrix.cols()), List.of(elements(matrix)));
    }

    /** Matrices of one shape, as a tensor [matrices, rows, cols]. */
    static StoredTensor stacked(String name, List<WeightMatrix> matrices) {
        WeightMatrix first = matrices.getFirst();
        return new StoredTensor(
                name, first.type(), List.of(matrices.size(), first.rows(), first.cols()),
                matrices.stream().map(StoredTensor::elements).toList());
    }

    /** fp32 numbers in another format, rounded to the nearest. */
    static StoredTensor of(String name, FloatArray values, DataType type, Integer... shape) {
        return new StoredTensor(name, type, List.of(shape), List.of(rounded(values, type)));
    }

    private static MemorySegment elements(WeightMatrix matrix) {
        if (matrix.rowStride() != matrix.cols()) {
            throw new IllegalArgumentException("rows are %d elements apart and have %d"
                    .formatted(matrix.rowStride(), matrix.cols()));
        }
        return matrix.data().getSegment()
                .asSlice((long) matrix.offset() * matrix.type().bytes(), matrix.bytes());
    }

    private static MemorySegment rounded(FloatArray values, DataType type) {
        MemorySegment copy = Arena.ofAuto().allocate((long) values.getSize() * type.bytes(), Long.BYTES);
        for (int i = 0; i < values.getSize(); i++) {
            switch (type) {
                case F32 -> copy.setAtIndex(ValueLayout.JAVA_FLOAT, i, values.get(i));
                case F16 -> copy.setAtIndex(ValueLayout.JAVA_SHORT, i, Float.floatToFloat16(values.get(i)));
                case BF16 -> throw new IllegalArgumentException("no peer's file here has vectors in bf16");
            }
        }
        return copy;
    }

    /** Bytes of all elements. */
    long bytes() {
        return parts.stream().mapToLong(MemorySegment::byteSize).sum();
    }

    /** Writes all elements to where a file is at. */
    void write(FileChannel file) throws IOException {
        for (MemorySegment part : parts) {
            ByteBuffer bytes = part.asByteBuffer();
            while (bytes.hasRemaining()) {
                file.write(bytes);
            }
        }
    }
}
