package io.maseparation.kernels.operations;

import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;
import uk.ac.manchester.tornado.api.runtime.TornadoRuntimeProvider;

/**
 * Compiles every gpu body for the first device there is and prints, before each kernel that TornadoVM prints, a line
 * with the name of its body. To be run with TornadoVM's virtual device, which compiles and runs nothing.
 */
final class CudaSources {
    /** Begins the line before a kernel. */
    static final String BODY = "// body ";
    /** Begins the line after a kernel that could not be compiled. */
    static final String FAILED = "// failed ";
    /** The last line of a whole output. */
    static final String END = "// end of kernels";

    private CudaSources() {}

    /** Takes no arguments; TornadoVM's options come as properties. */
    public static void main(String[] args) {
        TornadoDevice device =
                TornadoRuntimeProvider.getTornadoRuntime().getBackend(0).getDevice(0);
        // The virtual device names another backend than its own, so what CUDA's can do is written down.
        KernelTarget target =
                new KernelTarget("virtual CUDA", false, false, true, true, true, TornadoVMBackendType.CUDA, false,
                        false, false, Optional.empty());
        AtomicInteger number = new AtomicInteger();
        GpuBodies.tasks().forEach((body, maker) -> {
            System.out.println(BODY + body);
            try {
                KernelTarget with = target.withTensorCores(GpuBodies.onTensorCores(body));
                print(device, GpuBodies.f16Activations(body) ? with.withF16Activations() : with,
                        maker.apply(new Random(1)), "g" + number.getAndIncrement());
            } catch (Exception | LinkageError e) {
                System.out.println(FAILED + causes(e));
            }
        });
        System.out.println(END);
    }

    private static String causes(Throwable failure) {
        return Stream.iterate(failure, Objects::nonNull, Throwable::getCause)
                .map(Throwable::toString)
                .collect(Collectors.joining(", because of "));
    }

    private static void print(TornadoDevice device, KernelTarget target, GpuBodies.Task task, String name)
            throws Exception {
        GridScheduler grid = new GridScheduler();
        KernelGraph graph = new KernelGraph(name, target, grid);
        graph.input(task.arrays());
        task.adder().add(graph, "kernel");
        graph.output(task.arrays());
        try (TornadoExecutionPlan plan = new TornadoExecutionPlan(graph.build())) {
            plan.withDevice(device);
            plan.withGridScheduler(grid).execute();
        }
    }
}
