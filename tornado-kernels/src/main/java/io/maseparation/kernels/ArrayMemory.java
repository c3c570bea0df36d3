package io.maseparation.kernels;

import java.lang.foreign.Arena;
import java.util.function.Supplier;

/**
 * Memory of arrays that go together: they are freed in the moment when this is closed, and say so to whoever uses them
 * afterwards. Safe for use by any number of threads, but none may be at the arrays while it is closed.
 */
public final class ArrayMemory implements AutoCloseable {
    private final Arena arena = Arena.ofShared();

    /**
     * {@return what something makes, whose arrays, as far as this thread makes them, belong here} If it fails, all that
     * belongs here is freed.
     *
     * @param what makes it
     */
    public <T> T make(Supplier<T> what) {
        try {
            return DeviceArrays.within(arena, what);
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    /** Frees all arrays. Can be called again. */
    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}
