package io.maseparation.moe;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.maseparation.files.Existing;
import io.maseparation.files.JsonTree;
import io.maseparation.files.ModelException;
import io.maseparation.files.Text;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.WeightMatrix;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.ReadOnlyFileSystemException;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.types.arrays.BFloat16Array;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * Tensors of a model on disk: one safetensors file, or shards that {@code model.safetensors.index.json} names.
 *
 * <p>A TornadoVM array wants a header in the bytes directly before its data and writes its length there. So each tensor
 * is mapped on its own, copy-on-write, from that many bytes before its data: what the array writes lands in a private
 * page, the data are shared with the page cache, and the file is never changed. A tensor is copied only where that
 * cannot be: no room before the data, data not aligned, or a file that may not be opened for writing (which a
 * copy-on-write mapping needs although nothing is written).
 *
 * <p>Arrays are valid until {@link #close()}. All errors in the files are {@link ModelException}s of one line that name
 * file and tensor. Methods may be called by one thread at a time; arrays may be read by any.
 */
public final class Safetensors implements AutoCloseable {
    /** Name of an unsharded checkpoint. */
    public static final String SINGLE = "model.safetensors";
    /** Name of the file that lists the shards of a sharded one. */
    public static final String INDEX = "model.safetensors.index.json";

    /** What an index has; its metadata count bytes. */
    private static final Set<String> FIELDS = Set.of("weight_map", "metadata");

    private final String source;
    private final Map<String, TensorInfo> tensors;
    private final Map<Path, Shard> shards;
    private final List<String> unread;
    private final Arena arena = Arena.ofShared();
    private long mappedBytes;
    private long copiedBytes;

    private record Shard(FileChannel channel, boolean mappable, Map<String, TensorInfo> tensors) {}

    private Safetensors(
            String source, Map<String, TensorInfo> tensors, Map<Path, Shard> shards, List<String> unread) {
        this.source = source;
        this.unread = unread;
        this.tensors = Collections.unmodifiableMap(tensors);
        this.shards = shards;
    }

    /**
     * Opens a folder ({@value #SINGLE}, else {@value #INDEX}) or a single file and checks all headers.
     *
     * @param path a folder or a file
     * @throws ModelException if files are missing or contradict the format
     * @return the tensors, to be closed
     */
    public static Safetensors open(Path path) {
        Map<Path, Shard> shards = new LinkedHashMap<>();
        try {
            if (!Files.isDirectory(path)) {
                return single(path, shards);
            }
            if (Existing.file(path.resolve(SINGLE))) {
                return single(path.resolve(SINGLE), shards);
            }
            if (Existing.file(path.resolve(INDEX))) {
                return indexed(path, shards);
            }
            throw new ModelException(Text.printable(path) + ": neither " + SINGLE + " nor " + INDEX
                    + " is in this folder (only the safetensors format is read)");
        } catch (RuntimeException e) {
            closeAll(shards);
            throw e;
        }
    }

    private static Safetensors single(Path file, Map<Path, Shard> shards) {
        return new Safetensors(file.toString(), shard(file, shards).tensors(), shards, List.of());
    }

    private static Safetensors indexed(Path folder, Map<Path, Shard> shards) {
        Path index = folder.resolve(INDEX);
        ObjectNode json = JsonTree.object(index);
        JsonNode map = json.get("weight_map");
        if (map == null || !map.isObject()) {
            throw new ModelException(Text.printable(index) + ": weight_map is missing or not an object");
        }
        Map<String, TensorInfo> tensors = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> entry : map.properties()) {
            String tensor = entry.getKey();
            String where = Text.printable(index) + ": tensor " + Text.printable(tensor);
            if (!entry.getValue().isTextual()) {
                throw new ModelException(where + ": its shard is not a file name");
            }
            String shardName = entry.getValue().textValue();
            Path file = inside(folder, shardName, where);
            if (!shards.containsKey(file) && !Files.isRegularFile(file)) {
                throw new ModelException(where + ": shard " + Text.printable(shardName) + " is missing");
            }
            TensorInfo info = shard(file, shards).tensors().get(tensor);
            if (info == null) {
                throw new ModelException(where + " is not in its shard " + Text.printable(shardName));
            }
            tensors.put(tensor, info);
        }
        // What a shard holds beside that is as good as listed, as in transformers, which reads whole shards.
        shards.values().forEach(shard -> shard.tensors().forEach(tensors::putIfAbsent));
        List<String> unread = json.properties().stream().map(Map.Entry::getKey)
                .filter(field -> !FIELDS.contains(field)).toList();
        return new Safetensors(index.toString(), tensors, shards, unread);
    }

    /** Fields of the index that nothing reads, nor transformers. */
    List<String> unread() {
        return unread;
    }

    /** Names of tensors that several shards hold: that of the shard that the index names is used, or of the first. */
    List<String> repeated() {
        return tensors.values().stream()
                .filter(used -> shards.values().stream()
                        .map(shard -> shard.tensors().get(used.name()))
                        .anyMatch(other -> other != null && !other.equals(used)))
                .map(TensorInfo::name)
                .toList();
    }

    /**
     * The shard's path, provided that its name does not lead out of the folder. Links are followed, as in HF's cache.
     */
    private static Path inside(Path folder, String name, String where) {
        try {
            Path root = folder.normalize();
            Path file = root.resolve(name).normalize();
            if (!name.isEmpty() && !Path.of(name).isAbsolute() && file.startsWith(root) && !file.equals(root)
                    && !Path.of(name).normalize().startsWith("..")) {
                return file;
            }
        } catch (InvalidPathException e) {
            throw new ModelException(where + ": shard " + Text.printable(name) + " is not a file name", e);
        }
        throw new ModelException(where + ": shard " + Text.printable(name) + " is outside the checkpoint's folder");
    }

    private static Shard shard(Path file, Map<Path, Shard> shards) {
        Shard known = shards.get(file);
        if (known != null) {
            return known;
        }
        FileChannel channel = null;
        try {
            boolean mappable = true;
            try {
                channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE);
            } catch (AccessDeniedException | ReadOnlyFileSystemException e) {
                mappable = false;
            } catch (FileSystemException e) {
                mappable = false; // a read-only mount reports itself only in the message
            }
            if (channel == null) {
                channel = FileChannel.open(file, StandardOpenOption.READ);
            }
            Shard shard = new Shard(channel, mappable, SafetensorsHeader.read(file, channel));
            shards.put(file, shard);
            return shard;
        } catch (IOException e) {
            close(channel);
            throw new ModelException(
                    Text.printable(file) + ": cannot be read: " + Text.reason(e), e);
        } catch (RuntimeException e) {
            close(channel);
            throw e;
        }
    }

    /** {@return the file that lists all tensors, as messages name it} */
    String source() {
        return Text.printable(source);
    }

    /** {@return names, types, shapes and places of all tensors, whatever folder they are in} */
    String description() {
        StringBuilder text = new StringBuilder();
        shards.forEach((file, shard) -> {
            text.append(file.getFileName());
            shard.tensors().forEach((name, info) -> text.append('\n').append(name).append(' ').append(info.type())
                    .append(info.shape()).append(info.offset()));
        });
        return text.toString();
    }

    /** {@return names of all tensors} */
    public Set<String> names() {
        return tensors.keySet();
    }

    /**
     * {@return whether there is a tensor of this name}
     *
     * @param name the tensor's name
     */
    public boolean has(String name) {
        return tensors.containsKey(name);
    }

    /**
     * {@return a tensor's place and shape}
     *
     * @param name the tensor's name
     * @throws ModelException if there is none of this name
     */
    public TensorInfo info(String name) {
        TensorInfo info = tensors.get(name);
        if (info == null) {
            throw new ModelException(Text.printable(source) + ": tensor " + Text.printable(name) + " is missing");
        }
        return info;
    }

    /**
     * {@return a tensor's number format}
     *
     * @param name the tensor's name
     * @throws ModelException if it is missing, or of a type that models are not computed with
     */
    public DataType type(String name) {
        TensorInfo info = info(name);
        return switch (info.type()) {
            case "F32" -> DataType.F32;
            case "F16" -> DataType.F16;
            case "BF16" -> DataType.BF16;
            default -> throw new ModelException(
                    info.where() + ": dtype " + info.type() + " is not supported; F32, F16 and BF16 are");
        };
    }

    /** A tensor's number format, if models are computed with it. */
    Optional<DataType> knownType(String name) {
        return Arrays.stream(DataType.values()).filter(t -> t.name().equals(info(name).type())).findFirst();
    }

    /**
     * {@return a tensor as a TornadoVM array over the file's own pages: FloatArray, HalfFloatArray or BFloat16Array}
     * Each call makes a mapping of its own.
     *
     * @param name the tensor's name
     * @throws ModelException if it is missing, not of a floating type, or of 2^31 elements and more
     */
    public TornadoNativeArray array(String name) {
        DataType type = type(name);
        TensorInfo info = info(name);
        if (info.elements() > Integer.MAX_VALUE) {
            throw new ModelException(info.where()
                    + ": %d elements are more than an array's 2147483647".formatted(info.elements()));
        }
        MemorySegment segment = segment(info, type.bytes());
        return switch (type) {
            case F32 -> FloatArray.fromSegmentShallow(segment);
            case F16 -> HalfFloatArray.fromSegmentShallow(segment);
            case BF16 -> BFloat16Array.fromSegmentShallow(segment);
        };
    }

    /**
     * {@return a tensor of one or more dimensions as a matrix: the last dimension is the columns, all others together
     * the rows}
     *
     * @param name the tensor's name
     * @throws ModelException as {@link #array(String)}
     */
    public WeightMatrix matrix(String name) {
        TornadoNativeArray array = array(name);
        List<Long> shape = info(name).shape();
        int cols = shape.isEmpty() ? 1 : (int) (long) shape.getLast();
        return WeightMatrix.dense(type(name), array, cols == 0 ? 0 : array.getSize() / cols, cols);
    }

    /**
     * {@return a small tensor converted to fp32, a copy}
     *
     * @param name the tensor's name
     * @throws ModelException if it is missing or not of a floating type
     */
    public float[] floats(String name) {
        DataType type = type(name);
        TensorInfo info = info(name);
        if (info.bytes() > Integer.MAX_VALUE - 8) {
            throw new ModelException(
                    info.where() + ": %s are too large to convert".formatted(Text.bytes(info.bytes())));
        }
        ByteBuffer bytes = ByteBuffer.allocate((int) info.bytes()).order(ByteOrder.LITTLE_ENDIAN);
        read(info, bytes, 0);
        bytes.flip();
        float[] values = new float[(int) info.elements()];
        for (int i = 0; i < values.length; i++) {
            values[i] = switch (type) {
                case F32 -> bytes.getFloat();
                case F16 -> Float.float16ToFloat(bytes.getShort());
                case BF16 -> Float.intBitsToFloat(bytes.getShort() << 16);
            };
        }
        return values;
    }

    /** {@return bytes of tensors that are mapped so far: shared with the page cache} */
    public long mappedBytes() {
        return mappedBytes;
    }

    /** {@return bytes of tensors that had to be copied so far} */
    public long copiedBytes() {
        return copiedBytes;
    }

    private MemorySegment segment(TensorInfo info, int elementBytes) {
        if (ByteOrder.nativeOrder() != ByteOrder.LITTLE_ENDIAN) {
            throw new ModelException(info.where() + ": weights are little-endian, this machine is not");
        }
        long header = TornadoNativeArray.ARRAY_HEADER;
        long from = info.offset() - header;
        Shard shard = shard(info);
        // The header's length field is an int, so a header must lie on four bytes even where the elements have two.
        boolean aligned = from % Math.max(Integer.BYTES, elementBytes) == 0;
        if (shard.mappable() && from >= 0 && aligned && info.bytes() > 0) {
            try {
                MemorySegment mapped = shard.channel()
                        .map(FileChannel.MapMode.PRIVATE, from, header + info.bytes(), arena);
                mappedBytes += info.bytes();
                return mapped;
            } catch (IOException e) {
                throw new ModelException(info.where() + ": cannot be mapped: " + Text.reason(e), e);
            }
        }
        MemoryBudget.require(
                info.bytes() + header, info.where() + " (copied, since it cannot be mapped)",
                "make the file writable for this user so that it can be mapped copy-on-write, or free memory");
        MemorySegment copy = arena.allocate(header + info.bytes(), Long.BYTES);
        MemorySegment data = copy.asSlice(header);
        for (long at = 0; at < info.bytes();) {
            ByteBuffer chunk = data.asSlice(at, Math.min(1 << 30, info.bytes() - at)).asByteBuffer();
            int bytes = chunk.remaining();
            read(info, chunk, at);
            at += bytes;
        }
        copiedBytes += info.bytes();
        return copy;
    }

    private Shard shard(TensorInfo info) {
        return Objects.requireNonNull(shards.get(info.file()));
    }

    private void read(TensorInfo info, ByteBuffer into, long from) {
        try {
            FileChannel channel = shard(info).channel();
            long position = info.offset() + from;
            while (into.hasRemaining()) {
                int n = channel.read(into, position);
                if (n < 0) {
                    throw new ModelException(info.where() + ": the file shrank while it was read");
                }
                position += n;
            }
        } catch (IOException e) {
            throw new ModelException(info.where() + ": cannot be read: " + Text.reason(e), e);
        }
    }

    /** Unmaps all tensors and closes the files. Arrays that came from here must not be used any more. */
    @Override
    public void close() {
        closeAll(shards);
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }

    private static void closeAll(Map<Path, Shard> shards) {
        shards.values().forEach(shard -> close(shard.channel()));
    }

    private static void close(@Nullable FileChannel channel) {
        if (channel != null) {
            try {
                channel.close();
            } catch (IOException e) {
                System.getLogger(Safetensors.class.getName()).log(System.Logger.Level.DEBUG, "closing", e);
            }
        }
    }
}
