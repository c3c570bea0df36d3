package uk.ac.manchester.tornado.api;

import io.maseparation.tornado.embedded.EmbeddedDevice;
import java.lang.foreign.MemorySegment;
import java.util.IdentityHashMap;
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
 * The device copies that one graph holds on a strict device. What TornadoVM would leave uninitialised is poisoned: NaN
 * in floating-point arrays, a number too large to be an index in integer arrays.
 */
final class DeviceMemory {
    private static final int POISON = 0x7fbadbad;

    private final String graph;
    private final Transfers transfers;
    private final EmbeddedDevice device;
    private final IdentityHashMap<Object, TornadoNativeArray> copies = new IdentityHashMap<>();

    DeviceMemory(String graph, Transfers transfers, EmbeddedDevice device) {
        this.graph = graph;
        this.transfers = transfers;
        this.device = device;
    }

    /** Takes over what the graph consumes from the graph executed last. */
    void consume(DeviceMemory last) {
        for (Object array : transfers.consumed) {
            if (last == null) {
                throw new TornadoRuntimeException(
                        "task graph " + graph + " consumes from the device, but no graph was executed before it");
            }
            TornadoNativeArray copy = last.copies.get(array);
            if (copy == null || !(last == this || last.transfers.persisted.contains(array))) {
                throw new TornadoRuntimeException(
                        "task graph %s consumes an array that task graph %s, executed before it, did not persist"
                                .formatted(graph, last.graph));
            }
            copies.put(array, copy);
        }
    }

    void transferIn() {
        for (Object array : transfers.firstIn) {
            if (!copies.containsKey(array)) {
                copy((TornadoNativeArray) array, onDevice(array));
            }
        }
        for (Object array : transfers.everyIn) {
            copy((TornadoNativeArray) array, onDevice(array));
        }
    }

    /** The device's copy of an array, poisoned if it is new. */
    Object onDevice(Object argument) {
        if (!(argument instanceof TornadoNativeArray array)) {
            return argument;
        }
        return copies.computeIfAbsent(argument, a -> poisoned(array));
    }

    void transferOut() {
        for (Object array : transfers.everyOut) {
            copyOut(array);
        }
    }

    void copyOut(Object array) {
        TornadoNativeArray copy = copies.get(array);
        if (copy == null) {
            throw new TornadoRuntimeException("task graph " + graph + " has no copy of an array to transfer");
        }
        copy(copy, (TornadoNativeArray) array);
    }

    /** Frees what nothing declares to stay. */
    void release() {
        copies.entrySet().removeIf(e -> {
            Object array = e.getKey();
            boolean stays = transfers.firstIn.contains(array)
                    || transfers.everyIn.contains(array)
                    || transfers.demandOut.contains(array)
                    || transfers.persisted.contains(array)
                    || transfers.consumed.contains(array);
            if (!stays) {
                device.free(e.getValue().getNumBytesOfSegmentWithHeader());
            }
            return !stays;
        });
    }

    void freeAll() {
        copies.values().forEach(c -> device.free(c.getNumBytesOfSegmentWithHeader()));
        copies.clear();
    }

    long bytes() {
        return copies.values().stream()
                .mapToLong(TornadoNativeArray::getNumBytesOfSegmentWithHeader)
                .sum();
    }

    private static void copy(TornadoNativeArray from, Object to) {
        MemorySegment.copy(
                from.getSegment(), 0, ((TornadoNativeArray) to).getSegment(), 0, from.getNumBytesOfSegment());
    }

    private TornadoNativeArray poisoned(TornadoNativeArray array) {
        if (!device.reserve(array.getNumBytesOfSegmentWithHeader())) {
            throw new TornadoOutOfMemoryException("device %s has no room for %,d more bytes, of task graph %s"
                    .formatted(device.getDeviceName(), array.getNumBytesOfSegmentWithHeader(), graph));
        }
        int n = array.getSize();
        return switch (array) {
            case FloatArray a -> {
                FloatArray copy = new FloatArray(n);
                copy.init(Float.NaN);
                yield copy;
            }
            case HalfFloatArray a -> {
                HalfFloatArray copy = new HalfFloatArray(n);
                copy.init(new HalfFloat(Float.NaN));
                yield copy;
            }
            case BFloat16Array a -> {
                BFloat16Array copy = new BFloat16Array(n);
                copy.init((short) 0x7fc0);
                yield copy;
            }
            case IntArray a -> {
                IntArray copy = new IntArray(n);
                copy.init(POISON);
                yield copy;
            }
            case ByteArray a -> {
                ByteArray copy = new ByteArray(n);
                copy.init((byte) POISON);
                yield copy;
            }
            default -> throw new TornadoRuntimeException("no device copy of a " + array.getClass());
        };
    }
}
