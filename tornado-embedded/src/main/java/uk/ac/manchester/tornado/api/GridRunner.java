package uk.ac.manchester.tornado.api;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import uk.ac.manchester.tornado.api.exceptions.TornadoRuntimeException;

/** Runs a KernelContext task: a virtual thread for each work-item, some groups at a time. */
final class GridRunner {
    private static final int DEFAULT_GROUP = 64;

    private GridRunner() {}

    static void run(EmbeddedTask.Code code, Object[] arguments, int contextIndex, WorkerGrid grid) {
        int[] global = ints(grid.getGlobalWork());
        int[] local = grid.getLocalWork() == null ? defaultLocal(global) : ints(grid.getLocalWork());
        int[] groups = new int[3];
        for (int d = 0; d < 3; d++) {
            if (local[d] < 1 || global[d] % local[d] != 0) {
                throw new TornadoRuntimeException(
                        "%d work-items do not divide into groups of %d".formatted(global[d], local[d]));
            }
            groups[d] = global[d] / local[d];
        }
        int items = local[0] * local[1] * local[2];
        IntStream.range(0, groups[0] * groups[1] * groups[2]).parallel().forEach(g -> {
            int[] groupId = {g % groups[0], g / groups[0] % groups[1], g / groups[0] / groups[1]};
            runGroup(code, arguments, contextIndex, items, global, groupId, local);
        });
    }

    private static void runGroup(
            EmbeddedTask.Code code,
            Object[] arguments,
            int contextIndex,
            int items,
            int[] global,
            int[] groupId,
            int[] local) {
        WorkGroup group = new WorkGroup(items);
        AtomicReference<Throwable> failure = new AtomicReference<>();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < items; i++) {
            int item = i;
            threads.add(Thread.startVirtualThread(() -> {
                try {
                    Object[] own = arguments.clone();
                    own[contextIndex] = new KernelContext(group, item, global, groupId, local);
                    code.call(own);
                    group.finished(item);
                } catch (Throwable t) {
                    failure.compareAndSet(null, t);
                    group.failed();
                }
            }));
        }
        for (Thread thread : threads) {
            join(thread);
        }
        if (failure.get() != null) {
            throw TornadoExecutionPlan.failure(failure.get().toString(), failure.get());
        }
    }

    private static void join(Thread thread) {
        boolean interrupted = false;
        while (true) {
            try {
                thread.join();
                break;
            } catch (InterruptedException e) {
                // The group must end before its memory may be used again.
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private static int[] defaultLocal(int[] global) {
        int size = Math.min(DEFAULT_GROUP, global[0]);
        while (global[0] % size != 0) {
            size--;
        }
        return new int[] {size, 1, 1};
    }

    private static int[] ints(long[] values) {
        return new int[] {
            Math.toIntExact(values[0]), Math.toIntExact(values[1]), Math.toIntExact(values[2])
        };
    }
}
