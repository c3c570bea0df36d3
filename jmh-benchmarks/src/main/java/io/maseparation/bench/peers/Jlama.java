package io.maseparation.bench.peers;

import io.maseparation.kernels.DataType;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.ShortBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * Jlama's products in Java, by its operations of the Vector API, with fp32 activations; it has none for fp16 weights.
 * Its classes are in a loader of their own, so that nothing depends on them.
 */
final class Jlama {
    private static final String PACKAGE = "com.github.tjake.jlama.";

    private final ClassLoader loader;

    private Jlama() {
        try (Stream<Path> jars = Files.list(NativeLibrary.folder("jlama"))) {
            URL[] urls = jars.filter(jar -> jar.toString().endsWith(".jar")).map(Jlama::url).toArray(URL[]::new);
            loader = new URLClassLoader(urls, Jlama.class.getClassLoader());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static URL url(Path file) {
        try {
            return file.toUri().toURL();
        } catch (MalformedURLException e) {
            throw new UncheckedIOException(e);
        }
    }

    static Contender product(Product p) {
        if (p.type() == DataType.F16) {
            throw new UnsupportedOperationException("Jlama has no product with weights of F16");
        }
        if (p.weights().byteSize() > Integer.MAX_VALUE) {
            throw new UnsupportedOperationException("Jlama's tensors have at most 2 GiB");
        }
        try {
            return new Jlama().make(p);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("Jlama is another than it was", e);
        }
    }

    private Contender make(Product p) throws ReflectiveOperationException {
        // It takes half of the cores if not told otherwise.
        named("util.PhysicalCoreExecutor")
                .getMethod("overrideThreadCount", int.class)
                .invoke(null, Runtime.getRuntime().availableProcessors());
        Object machine = Objects.requireNonNull(named("util.MachineSpec").getField("VECTOR_TYPE").get(null));
        Class<?> panama = named("tensor.operations.PanamaTensorOperations");
        Object operations = panama.getConstructor(machine.getClass()).newInstance(machine);
        MemorySegment out = PeerMemory.zeros(4L * p.rows() * p.outputs());
        Object result = tensor(DataType.F32, out, p.rows(), p.outputs());
        Object x = tensor(DataType.F32, p.x(), p.rows(), p.columns());
        Object weights = tensor(p.type(), p.weights(), p.outputs(), p.columns());
        Class<?> any = named("tensor.AbstractTensor");
        Method chunk = named("tensor.operations.TensorOperations")
                .getMethod("dotProductChunk", any, any, any, int.class, int.class, int.class, int.class);
        Class<?> consumer = named("util.BiIntConsumer");
        Object part = Proxy.newProxyInstance(
                loader,
                new Class<?>[] {consumer},
                (proxy, method, range) -> chunk.invoke(operations, result, x, weights, 0, p.columns(), range[0],
                        range[1]));
        Method inChunks = named("math.VectorMath").getMethod("pchunk", int.class, int.class, consumer);
        return new Contender(
                PeerMemory.keeping(List.of(out, p.x(), p.weights()), () -> {
                    try {
                        inChunks.invoke(null, 0, p.outputs(), part);
                    } catch (IllegalAccessException | InvocationTargetException e) {
                        throw new IllegalStateException("Jlama failed", e);
                    }
                }),
                out);
    }

    private Class<?> named(String name) throws ClassNotFoundException {
        return Class.forName(PACKAGE + name, true, loader);
    }

    private Object tensor(DataType type, MemorySegment data, int rows, int columns)
            throws ReflectiveOperationException {
        Class<?> shape = named("tensor.TensorShape");
        Object sizes = Objects.requireNonNull(
                shape.getMethod("of", int[].class).invoke(null, (Object) new int[] {rows, columns}));
        ByteBuffer bytes = data.asByteBuffer().order(ByteOrder.nativeOrder());
        boolean floats = type == DataType.F32;
        return named(floats ? "tensor.FloatBufferTensor" : "tensor.BFloat16BufferTensor")
                .getConstructor(
                        String.class, floats ? FloatBuffer.class : ShortBuffer.class, shape,
                        boolean.class)
                .newInstance("tensor", floats ? bytes.asFloatBuffer() : bytes.asShortBuffer(), sizes, false);
    }
}
