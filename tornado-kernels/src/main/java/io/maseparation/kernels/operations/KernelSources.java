package io.maseparation.kernels.operations;

import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.WorkerGrid;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * The CUDA C that TornadoVM made of kernels, for further tasks with the same ones. TornadoVM translates the byte code
 * of every task, 13 ms each, though those of layers differ in their arrays only. It takes what it finds in its cache of
 * code, where a plan's tasks have a place each.
 *
 * <p>Thread-safe.
 */
public final class KernelSources {
    private final Map<Kind, Source> sources = new ConcurrentHashMap<>();

    /**
     * What the code of a task depends on. TornadoVM takes numbers as constants, and so it does with the size of an
     * array where a kernel reads it, which those with a worker grid do not.
     *
     * @param method the kernel
     * @param arguments numbers as they are, arrays as their type
     * @param sequential whether its worker grid is a single work-item; more of it does not get into the code
     */
    public record Kind(Method method, List<Object> arguments, boolean sequential) {
        /**
         * {@return the kind of a task; null if it has no worker grid, or arguments whose part in the code is not known}
         *
         * @param task the task
         * @param workers its worker grid; null if it has none
         */
        static @Nullable Kind of(TaskInside task, @Nullable WorkerGrid workers) {
            List<Object> arguments = new ArrayList<>();
            for (Object argument : task.arguments()) {
                switch (argument) {
                    case TornadoNativeArray array -> arguments.add(array.getClass());
                    case KernelContext context -> arguments.add(KernelContext.class);
                    case Number number -> arguments.add(number);
                    case Boolean truth -> arguments.add(truth);
                    default -> {
                        return null;
                    }
                }
            }
            if (workers == null) {
                // TornadoVM reads off the code how many threads the task has.
                return null;
            }
            boolean sequential = Arrays.stream(workers.getGlobalWork()).allMatch(items -> items == 1);
            return new Kind(task.method(), arguments, sequential);
        }
    }

    /**
     * What TornadoVM made of a kernel.
     *
     * @param code CUDA C
     * @param accesses what the kernel does with each argument, as TornadoVM has it
     */
    record Source(byte[] code, Object[] accesses) {}

    @Nullable
    Source of(@Nullable Kind kind) {
        return kind == null ? null : sources.get(kind);
    }

    /**
     * Keeps the source of a kernel.
     *
     * @param kernel the kernel
     * @param plan the plan of its graph, which has compiled it
     * @param device the device it did that for
     * @throws LinkageError if TornadoVM does not give it
     */
    public void keep(KernelGraph.SingleKernel kernel, TornadoExecutionPlan plan, TornadoDevice device) {
        TaskInside task = kernel.task();
        sources.put(kernel.kind(), new Source(task.source(plan, device), task.accesses()));
    }
}
