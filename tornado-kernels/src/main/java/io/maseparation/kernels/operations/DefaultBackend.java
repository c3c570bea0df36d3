package io.maseparation.kernels.operations;

import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import uk.ac.manchester.tornado.api.TornadoRuntime;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;
import uk.ac.manchester.tornado.api.runtime.TornadoRuntimeProvider;

/**
 * TornadoVM's default backend. TornadoVM sketches a kernel when its task is added, with the default backend whichever
 * device the graph will run on, and refuses what that one cannot do. It keeps sketches by the number of the backend,
 * and making one the default changes their numbers: so a process has one backend.
 */
final class DefaultBackend {
    /** One for the process, as TornadoVM's default is. */
    private static final AtomicReference<TornadoVMBackendType> USED = new AtomicReference<>();

    private DefaultBackend() {}

    /**
     * Makes a backend of the runtime the default.
     *
     * @throws IllegalStateException if graphs were built for another one in this process, or there is no such backend
     */
    static synchronized void use(TornadoVMBackendType backend) {
        TornadoVMBackendType before = USED.get();
        if (backend == before) {
            return;
        }
        if (before != null) {
            throw new IllegalStateException(
                    "task graphs were built for TornadoVM's backend %s in this process: those for %s need another one"
                            .formatted(before, backend));
        }
        TornadoRuntime runtime = TornadoRuntimeProvider.getTornadoRuntime();
        int index = IntStream.range(0, runtime.getNumBackends())
                .filter(i -> runtime.getBackendType(i) == backend)
                .findFirst()
                .orElseThrow(() -> new IllegalStateException("TornadoVM has no backend " + backend + " here"));
        if (index > 0) {
            runtime.setDefaultBackend(index);
        }
        USED.set(backend);
    }
}
