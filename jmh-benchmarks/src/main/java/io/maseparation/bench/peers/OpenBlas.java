package io.maseparation.bench.peers;

import io.maseparation.kernels.DataType;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/** OpenBLAS, which multiplies fp32 only. */
final class OpenBlas {
    private static final int ROW_MAJOR = 101;
    private static final int AS_IT_IS = 111;
    private static final int TRANSPOSED = 112;

    private OpenBlas() {}

    /** A matrix times a vector for one row, matrices for more. */
    static Contender product(Product p) {
        if (p.type() != DataType.F32) {
            throw new UnsupportedOperationException("OpenBLAS has no product with weights of " + p.type());
        }
        Path folder = NativeLibrary.folder("openblas");
        NativeLibrary library = NativeLibrary.open(
                folder.resolve("libquadmath.so.0"),
                folder.resolve("libgfortran.so.5"),
                folder.resolve("libopenblas.so.0"));
        library.call("openblas_set_num_threads", Runtime.getRuntime().availableProcessors());
        MemorySegment out = PeerMemory.zeros(4L * p.rows() * p.outputs());
        Runnable run = p.rows() == 1
                ? library.bind(
                        "cblas_sgemv", ROW_MAJOR, AS_IT_IS, p.outputs(), p.columns(), 1f, p.weights(), p.columns(),
                        p.x(), 1, 0f, out, 1)
                : library.bind(
                        "cblas_sgemm", ROW_MAJOR, AS_IT_IS, TRANSPOSED, p.rows(), p.outputs(), p.columns(), 1f,
                        p.x(), p.columns(), p.weights(), p.columns(), 0f, out, p.outputs());
        return new Contender(run, out);
    }
}
