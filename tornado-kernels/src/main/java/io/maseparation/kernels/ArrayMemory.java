package io.maseparation.kernels;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;

/**
 * Memory of arrays that go together: they are freed in the moment when this is closed, and say so to whoever uses them
 * afterwards. Safe for use by any number of threads, but none may be at the arrays while it is closed.
 *
 * <p>The JVM counts towards {@code -XX:MaxDirectMemorySize} only what its collector frees, so this counts itself.
 */
public final class ArrayMemory implements AutoCloseable {
    /** What the arrays that a thread makes belong to. */
    private static final ScopedValue<ArrayMemory> OWNER = ScopedValue.newInstance();

    private static final AtomicLong USED = new AtomicLong();

    private final Arena arena = Arena.ofShared();
    private final AtomicLong own = new AtomicLong();

    /**
     * {@return what something makes, whose arrays, as far as this thread makes them, belong here} If it fails, all that
     * belongs here is freed.
     *
     * @param what makes it
     */
    public <T> T make(Supplier<T> what) {
        try {
            return ScopedValue.where(OWNER, this).call(what::get);
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    /**
     * {@return work for another thread, whose arrays belong where this thread's do}
     *
     * @param work makes arrays
     */
    public static Runnable shared(Runnable work) {
        if (!OWNER.isBound()) {
            return work;
        }
        ArrayMemory owner = OWNER.get();
        return () -> ScopedValue.where(OWNER, owner).run(work);
    }

    /** {@return bytes that are in use in all of these, but for those that {@link LargePages} counts} */
    public static long bytes() {
        return USED.get();
    }

    /** Zeros for an array of this thread, which are freed with what they belong to, or else when they are garbage. */
    static MemorySegment allocate(long bytes, long alignment) {
        if (!OWNER.isBound()) {
            Arena garbage = Arena.ofAuto();
            return LargePages.allocate(bytes, garbage).orElseGet(() -> garbage.allocate(bytes, alignment));
        }
        ArrayMemory owner = OWNER.get();
        return LargePages.allocate(bytes, owner.arena).orElseGet(() -> {
            MemorySegment segment = owner.arena.allocate(bytes, alignment);
            // With what it takes to begin where it should.
            owner.own.addAndGet(bytes + alignment);
            USED.addAndGet(bytes + alignment);
            return segment;
        });
    }

    /** Frees all arrays. Can be called again. */
    @Override
    public synchronized void close() {
        if (arena.scope().isAlive()) {
            arena.close();
            USED.addAndGet(-own.get());
        }
    }
}
