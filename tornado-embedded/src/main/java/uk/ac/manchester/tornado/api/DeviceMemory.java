package uk.ac.manchester.tornado.api;

import io.maseparation.tornado.embedded.EmbeddedDevice;
import java.lang.foreign.MemorySegment;
import java.util.Collection;
import java.util.IdentityHashMap;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;
import uk.ac.manchester.tornado.api.exceptions.TornadoOutOfMemoryException;
import uk.ac.manchester.tornado.api.exceptions.TornadoRuntimeException;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.BFloat16Array;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * The device copies that one graph of one plan holds on a strict device. What TornadoVM would leave uninitialised is
 * poisoned: NaN in floating-point arrays, a number too large to be an index in integer arrays.
 */
final class DeviceMemory {
    /** A device copy. Graphs that take it over share it; the graph that made it frees it. */
    private static final class Copy {
        final DeviceMemory owner;
        final TornadoNativeArray array;
        boolean freed;

        Copy(DeviceMemory owner, TornadoNativeArray array) {
            this.owner = owner;
            this.array = array;
        }

        long bytes() {
            return array.getNumBytesOfSegmentWithHeader();
        }

        void free() {
            if (!freed) {
                freed = true;
                owner.device.release(bytes());
            }
        }
    }

    private final String graph;
    private final Transfers transfers;
    private final EmbeddedDevice device;
    private final IdentityHashMap<TornadoNativeArray, Copy> copies = new IdentityHashMap<>();

    DeviceMemory(String graph, Transfers transfers, EmbeddedDevice device) {
        this.graph = graph;
        this.transfers = transfers;
        this.device = device;
    }

    EmbeddedDevice device() {
        return device;
    }

    /**
     * Takes over what the graph consumes, all or nothing, by TornadoVM's rule: the source is the graph executed last.
     * If arrays were declared with its name, those are taken, and the others must have been taken before; otherwise all
     * are.
     *
     * @param last memory of the graph executed last, or null
     */
    void consume(@Nullable DeviceMemory last) {
        IdentityHashMap<TornadoNativeArray, Copy> taken = new IdentityHashMap<>();
        if (last != null && !transfers.consumed.isEmpty()) {
            Collection<TornadoNativeArray> named = transfers.consumedByName.get(last.graph);
            for (TornadoNativeArray array : named == null ? transfers.consumed : named) {
                taken.put(array, last.handOver(array, this));
            }
        }
        for (TornadoNativeArray array : transfers.consumed) {
            Copy copy = taken.getOrDefault(array, copies.get(array));
            if (copy == null || copy.freed) {
                throw new TornadoRuntimeException("task graph %s consumes %s from the device, but %s".formatted(
                        graph, describe(array), last == null
                                ? "no graph was executed before it"
                                : "task graph " + last.graph
                                        + ", executed before it, is not the one it is consumed from"));
            }
        }
        copies.putAll(taken);
    }

    private Copy handOver(TornadoNativeArray array, DeviceMemory to) {
        if (!device.equals(to.device)) {
            throw new TornadoRuntimeException("task graph %s on %s consumes %s that task graph %s persisted on %s"
                    .formatted(to.graph, to.device, describe(array), graph, device));
        }
        Copy copy = copies.get(array);
        if (copy == null || copy.freed || !transfers.persists(array)) {
            throw new TornadoRuntimeException(
                    "task graph %s consumes %s that task graph %s, executed before it, did not persist"
                            .formatted(to.graph, describe(array), graph));
        }
        return copy;
    }

    /** Copies to the device what is due; {@code UNDER_DEMAND} makes room only, as in TornadoVM. */
    void transferIn() {
        transfers.in.forEach((array, mode) -> {
            if (transfers.consumed.contains(array)) {
                // As in TornadoVM: what is on the device already is not sent.
                return;
            }
            boolean present = copies.containsKey(array);
            Copy copy = copyOf(array);
            if (mode == DataTransferMode.EVERY_EXECUTION || (mode == DataTransferMode.FIRST_EXECUTION && !present)) {
                copy.array.getSegment().copyFrom(array.getSegment());
            }
        });
    }

    /** The device's copy of an argument, poisoned if it is new. */
    Object onDevice(Object argument) {
        return argument instanceof TornadoNativeArray array ? copyOf(array).array : argument;
    }

    private Copy copyOf(TornadoNativeArray array) {
        return copies.computeIfAbsent(array, a -> {
            if (!device.reserve(a.getNumBytesOfSegmentWithHeader())) {
                throw new TornadoOutOfMemoryException(
                        "device %s has no room for %s of task graph %s: %,d of %,d bytes are in use".formatted(
                                device, describe(a), graph, device.used(), device.getMaxGlobalMemory()));
            }
            return new Copy(this, poisoned(a));
        });
    }

    void transferOut() {
        for (TornadoNativeArray array : transfers.out) {
            copyOut(array, 0, array.getNumBytesOfSegment());
        }
    }

    /** Whether there is a copy of an array. */
    boolean has(TornadoNativeArray array) {
        return copies.containsKey(array);
    }

    /** Takes the first {@code bytes} of an array's elements to its copy, if there is one. */
    boolean send(TornadoNativeArray array, long bytes) {
        Copy copy = copies.get(array);
        if (copy == null || copy.freed) {
            return false;
        }
        MemorySegment.copy(array.getSegment(), 0, copy.array.getSegment(), 0, bytes);
        return true;
    }

    /** Brings {@code bytes} of an array's elements to the host, from byte {@code offset} on. */
    void copyOut(TornadoNativeArray array, long offset, long bytes) {
        Copy copy = copies.get(array);
        if (copy == null || copy.freed) {
            throw new TornadoRuntimeException(
                    "task graph %s has no copy of %s to transfer to the host".formatted(graph, describe(array)));
        }
        MemorySegment.copy(copy.array.getSegment(), offset, array.getSegment(), offset, bytes);
    }

    /** Forgets the contents of what nothing declares to stay. */
    void forgetTemporaries() {
        copies.forEach((array, copy) -> {
            if (!transfers.keeps(array)) {
                poison(copy.array);
            }
        });
    }

    /**
     * Frees what this graph made, and lets go of what it took over. Arrays that no transfer names stay allocated, as
     * TornadoVM leaves them.
     */
    void freeAll() {
        copies.forEach((array, copy) -> {
            if (copy.owner == this && transfers.names(array)) {
                copy.free();
            }
        });
        copies.clear();
    }

    /** Bytes of the copies that this graph made. */
    long bytes() {
        return copies.values().stream().filter(c -> c.owner == this).mapToLong(Copy::bytes).sum();
    }

    private static String describe(TornadoNativeArray array) {
        return "a %s of %,d elements".formatted(array.getClass().getSimpleName(), array.getSize());
    }

    private static TornadoNativeArray poisoned(TornadoNativeArray array) {
        int n = array.getSize();
        return poison(
                switch (array) {
                    case FloatArray a -> new FloatArray(n);
                    case HalfFloatArray a -> new HalfFloatArray(n);
                    case BFloat16Array a -> new BFloat16Array(n);
                    case IntArray a -> new IntArray(n);
                    case ByteArray a -> new ByteArray(n);
                    default -> throw new TornadoRuntimeException("no device copy of a " + array.getClass());
                });
    }

    private static TornadoNativeArray poison(TornadoNativeArray copy) {
        switch (copy) {
            case FloatArray a -> a.init(Float.NaN);
            case HalfFloatArray a -> a.init(new HalfFloat(Float.NaN));
            case BFloat16Array a -> a.init((short) 0x7fc0);
            case IntArray a -> a.init(WorkGroup.POISON);
            case ByteArray a -> a.init((byte) WorkGroup.POISON);
            default -> throw new TornadoRuntimeException("no poison for a " + copy.getClass());
        }
        return copy;
    }
}
