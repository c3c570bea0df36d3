package uk.ac.manchester.tornado.api;

import io.maseparation.tornado.embedded.EmbeddedDevice;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.exceptions.TornadoRuntimeException;
import uk.ac.manchester.tornado.api.types.HalfFloat;

/**
 * The work-items of one group: their barrier, their warps and their local memory.
 *
 * <p>The thread that runs the group takes one work-item after another. Only when one of them has to wait does another
 * thread take over the rest, so a kernel without barriers runs as a loop and one with barriers gets a virtual thread
 * for each work-item that waits.
 *
 * <p>Where no work-item can go on (all wait or are done, and none of the waiting is complete) the group has diverged: a
 * GPU would hang or go wrong, and the group fails.
 */
final class WorkGroup {
    /** Runs a work-item. */
    @FunctionalInterface
    interface Kernel {
        void run(WorkGroup group, int item);
    }

    /** Work-items of a warp, as on NVIDIA GPUs. */
    static final int WARP = 32;

    /** What integers that nobody set hold: no index, and easy to recognise. */
    static final int POISON = 0x7fbadbad;

    private static final HalfFloat HALF_POISON = new HalfFloat(Float.NaN);

    private final Kernel kernel;
    private final int items;
    private final AtomicInteger next = new AtomicInteger();
    private final ReentrantLock lock = new ReentrantLock();
    private final Gate barrier;
    private final Warp[] warps;
    private final List<Object> locals = new ArrayList<>();
    private int localBytes;

    /** Work-items that are neither waiting nor done; those not yet started count. */
    private int active;

    private int done;
    private int threads = 1;
    private @Nullable Thread runner;
    private volatile @Nullable Throwable failure;

    WorkGroup(int items, Kernel kernel) {
        this.items = items;
        this.kernel = kernel;
        active = items;
        barrier = new Gate(items);
        warps = new Warp[(items + WARP - 1) / WARP];
        for (int w = 0; w < warps.length; w++) {
            warps[w] = new Warp(Math.min(WARP, items - w * WARP));
        }
    }

    /** Runs all work-items; throws what the first that failed threw. */
    void run() throws Throwable {
        runner = Thread.currentThread();
        work();
        while (isRunning()) {
            LockSupport.park(this);
        }
        if (failure != null) {
            throw failure;
        }
    }

    private boolean isRunning() {
        lock.lock();
        try {
            return threads > 0;
        } finally {
            lock.unlock();
        }
    }

    private void work() {
        int item = next.getAndIncrement();
        while (item < items && failure == null) {
            try {
                kernel.run(this, item);
                finished();
            } catch (Stopped e) {
                break;
            } catch (Throwable t) {
                fail(t);
            }
            item = next.getAndIncrement();
        }
        lock.lock();
        try {
            if (--threads == 0) {
                LockSupport.unpark(runner);
            }
        } finally {
            lock.unlock();
        }
    }

    private void finished() {
        lock.lock();
        try {
            done++;
            active--;
            checkProgress();
        } finally {
            lock.unlock();
        }
    }

    private void fail(Throwable t) {
        lock.lock();
        try {
            if (failure == null) {
                failure = t;
            }
            barrier.wakeAll();
            for (Warp warp : warps) {
                warp.gate.wakeAll();
            }
        } finally {
            lock.unlock();
        }
    }

    /** Called with the lock. */
    private void checkProgress() {
        if (active > 0 || done == items || failure != null) {
            return;
        }
        int inWarps = 0;
        for (Warp warp : warps) {
            inWarps += warp.gate.arrived;
        }
        fail(new TornadoRuntimeException(
                "divergence: of %d work-items of a group, %d wait at a barrier, %d wait at a warp operation and %d are done"
                        .formatted(items, barrier.arrived, inWarps, done)));
    }

    /** Waits until all that the gate expects are there. */
    private void await(Gate gate) {
        int generation;
        boolean handOver;
        lock.lock();
        try {
            if (failure != null) {
                throw new Stopped();
            }
            if (gate.arrived + 1 == gate.expected) {
                active += gate.arrived;
                gate.open();
                return;
            }
            generation = gate.generation;
            gate.waiting[gate.arrived++] = Thread.currentThread();
            active--;
            checkProgress();
            handOver = next.get() < items && failure == null;
            threads += handOver ? 1 : 0;
        } finally {
            lock.unlock();
        }
        if (handOver) {
            Thread.startVirtualThread(this::work);
        }
        while (gate.generation == generation) {
            if (failure != null) {
                throw new Stopped();
            }
            LockSupport.park(this);
        }
    }

    void barrier() {
        await(barrier);
    }

    float warpSum(int item, float value) {
        Warp warp = warps[item / WARP];
        return warp.exchange(item % WARP, value).sum();
    }

    float warpShuffleDown(int item, float value, int delta) {
        Warp warp = warps[item / WARP];
        Lanes lanes = warp.exchange(item % WARP, value);
        int source = item % WARP + delta;
        return source >= 0 && source < warp.gate.expected ? lanes.values[source] : value;
    }

    float warpFirst(int item, float value) {
        return warps[item / WARP].exchange(item % WARP, value).values[0];
    }

    /** Like the other warp operations, in which all lanes show each other what they have. */
    float[] warpMultiply(int item, HalfFloat[] a, HalfFloat[] b, float[] c) {
        Warp warp = warps[item / WARP];
        if (warp.gate.expected != WARP) {
            throw new TornadoRuntimeException("mma in a warp of %d lanes; it takes all %d"
                    .formatted(warp.gate.expected, WARP));
        }
        Lanes lanes = warp.exchange(item % WARP, a, b);
        return MatrixFragments.multiply(lanes.left, lanes.right, c, item % WARP);
    }

    int[] localInts(int index, int size) {
        return local(index, int[].class, size, Integer.BYTES, () -> {
            int[] array = new int[size];
            Arrays.fill(array, POISON);
            return array;
        });
    }

    float[] localFloats(int index, int size) {
        return local(index, float[].class, size, Float.BYTES, () -> {
            float[] array = new float[size];
            Arrays.fill(array, Float.NaN);
            return array;
        });
    }

    HalfFloat[] localHalfFloats(int index, int size) {
        return local(index, HalfFloat[].class, size, Short.BYTES, () -> {
            HalfFloat[] array = new HalfFloat[size];
            Arrays.fill(array, HALF_POISON);
            return array;
        });
    }

    private <T> T local(int index, Class<T> type, int size, int elementBytes, Supplier<T> allocation) {
        lock.lock();
        try {
            if (index == locals.size()) {
                localBytes = Math.addExact(localBytes, Math.multiplyExact(size, elementBytes));
                if (localBytes > EmbeddedDevice.LOCAL_MEMORY) {
                    throw new TornadoRuntimeException("%,d bytes of local memory; a group has %,d"
                            .formatted(localBytes, EmbeddedDevice.LOCAL_MEMORY));
                }
                locals.add(allocation.get());
            }
            Object array = locals.get(index);
            if (!type.isInstance(array) || java.lang.reflect.Array.getLength(array) != size) {
                throw new TornadoRuntimeException(
                        "work-items of a group differ in the type or size of their allocation " + index);
            }
            return type.cast(array);
        } finally {
            lock.unlock();
        }
    }

    /** A place where work-items wait for each other. Its fields are guarded by the group's lock. */
    private static final class Gate {
        final int expected;
        final Thread[] waiting;
        int arrived;
        /** Changes when the gate opens; read without the lock by those who wait. */
        volatile int generation;

        Gate(int expected) {
            this.expected = expected;
            waiting = new Thread[expected];
        }

        @SuppressWarnings("NonAtomicVolatileUpdate") // written with the lock only
        void open() {
            int waiters = arrived;
            arrived = 0;
            generation++;
            for (int i = 0; i < waiters; i++) {
                LockSupport.unpark(waiting[i]);
            }
        }

        void wakeAll() {
            for (int i = 0; i < arrived; i++) {
                LockSupport.unpark(waiting[i]);
            }
        }
    }

    /** What the work-items of a warp show each other in one operation; absent lanes are 0. */
    private static final class Lanes {
        final float[] values = new float[WARP];
        final HalfFloat[][] left = new HalfFloat[WARP][];
        final HalfFloat[][] right = new HalfFloat[WARP][];

        /** The tree that a butterfly over distances 16, 8, 4, 2, 1 adds up in every lane. */
        float sum() {
            float[] sums = values.clone();
            for (int distance = WARP / 2; distance > 0; distance /= 2) {
                for (int lane = 0; lane < distance; lane++) {
                    sums[lane] += sums[lane + distance];
                }
            }
            return sums[0];
        }
    }

    private final class Warp {
        final Gate gate;
        private final Lanes[] lanes = {new Lanes(), new Lanes()};

        Warp(int size) {
            gate = new Gate(size);
        }

        /**
         * Two sets of lanes in turn: nobody writes a set again before all have come to the next operation, and so have
         * read this one.
         */
        Lanes exchange(int lane, float value) {
            Lanes current = lanes[gate.generation & 1];
            current.values[lane] = value;
            await(gate);
            return current;
        }

        Lanes exchange(int lane, HalfFloat[] a, HalfFloat[] b) {
            Lanes current = lanes[gate.generation & 1];
            current.left[lane] = a;
            current.right[lane] = b;
            await(gate);
            return current;
        }
    }

    /** Ends a work-item whose group has failed. */
    static final class Stopped extends RuntimeException {
        private static final long serialVersionUID = 1L;

        private Stopped() {
            super("the group failed", null, false, false);
        }
    }
}
