package io.maseparation.moe;

import io.maseparation.files.Text;
import java.nio.file.Path;
import java.util.List;

/**
 * Where a tensor lies in a safetensors file. Validated: the bytes are inside the file and as many as shape and type
 * say.
 *
 * @param name name in the file
 * @param file file that holds it
 * @param type element type by safetensors' name, such as F32, F16, BF16 or I64
 * @param shape dimensions, outermost first; empty for a scalar
 * @param offset first byte of its data, from the start of the file
 * @param bytes length of its data
 */
public record TensorInfo(String name, Path file, String type, List<Long> shape, long offset, long bytes) {

    /** Copies the shape. */
    public TensorInfo {
        shape = List.copyOf(shape);
    }

    /** {@return number of elements} */
    public long elements() {
        long n = 1;
        for (long dimension : shape) {
            n *= dimension;
        }
        return n;
    }

    /** File and tensor, as messages name them. */
    String where() {
        return Text.printable(file) + ": tensor " + Text.printable(name);
    }
}
