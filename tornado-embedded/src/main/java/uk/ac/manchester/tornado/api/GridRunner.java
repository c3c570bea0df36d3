package uk.ac.manchester.tornado.api;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;

/** Runs a KernelContext task: as many groups at a time as there are processors. */
final class GridRunner {
    private final EmbeddedTask.Code code;
    private final Object[] arguments;
    private final int contextIndex;
    private final GridShape shape;
    private final AtomicInteger next = new AtomicInteger();
    private final AtomicReference<Throwable> failure = new AtomicReference<>();

    private GridRunner(EmbeddedTask.Code code, Object[] arguments, int contextIndex, GridShape shape) {
        this.code = code;
        this.arguments = arguments;
        this.contextIndex = contextIndex;
        this.shape = shape;
    }

    /** Returns when all work-items are done; throws what the first of them that failed threw. */
    static void run(EmbeddedTask.Code code, Object[] arguments, int contextIndex, WorkerGrid grid) throws Throwable {
        GridRunner runner = new GridRunner(code, arguments, contextIndex, new GridShape(grid));
        int lanes = Math.min(runner.shape.groups(), Runtime.getRuntime().availableProcessors());
        List<Thread> threads = new ArrayList<>();
        for (int lane = 0; lane < lanes; lane++) {
            threads.add(Thread.startVirtualThread(runner::runGroups));
        }
        boolean interrupted = false;
        for (Thread thread : threads) {
            interrupted |= join(thread);
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        if (runner.failure.get() != null) {
            throw runner.failure.get();
        }
    }

    private void runGroups() {
        try {
            int group = next.getAndIncrement();
            while (group < shape.groups() && failure.get() == null) {
                int[] groupId = shape.groupId(group);
                new WorkGroup(shape.items(), (workGroup, item) -> runItem(workGroup, item, groupId)).run();
                group = next.getAndIncrement();
            }
        } catch (Throwable t) {
            failure.compareAndSet(null, t);
        }
    }

    private void runItem(WorkGroup group, int item, int[] groupId) {
        KernelContext context = new KernelContext(group, item, shape, groupId);
        Object[] own = arguments.clone();
        own[contextIndex] = context;
        try {
            code.call(own);
        } catch (WorkGroup.Stopped e) {
            throw e;
        } catch (RuntimeException | Error e) {
            throw TornadoExecutionPlan.failure("work-item (%d, %d, %d): %s"
                    .formatted(context.globalIdx, context.globalIdy, context.globalIdz, e), e);
        }
    }

    /** Waits even if interrupted: a task must have ended before its memory is used again. */
    private static boolean join(Thread thread) {
        boolean interrupted = false;
        while (true) {
            try {
                thread.join();
                return interrupted;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
    }
}
