package io.maseparation.kernels.operations;

import java.util.Collection;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Set;

/**
 * What one task graph of TornadoVM 5.2 has room for. None of it can be configured, and beyond it TornadoVM fails at the
 * first execution, or earlier with an overflow that names nothing.
 */
final class GraphLimits {
    /** Tasks of a graph. */
    static final int TASKS = 256;

    /** Nodes of the graph that TornadoVM makes of tasks and arguments. */
    static final int NODES = 1024;

    /** Bytes of the list of tasks: 15 for each task and 5 for each argument. */
    static final int TASK_LIST_BYTES = 8192;

    /** A device and its allocations. */
    private static final int NODES_OF_A_GRAPH = 2;

    /** The task, and the one array at least that it writes. */
    private static final int NODES_OF_A_TASK = 2;

    /** The object, its way to the device, and its release. */
    private static final int NODES_OF_AN_ARGUMENT = 3;

    /** More than the arrays that a task writes, beyond the first, on average. */
    private static final int MORE_WRITES = 1;

    /** More than the different scalars of any graph here, what comes back to the host, and two arrays of scratch. */
    private static final int OTHER_NODES = 64;

    private GraphLimits() {}

    /** Whether there is room even for what {@link #check} does not count; parameters as there. */
    static boolean haveRoom(int tasks, int contexts, Collection<? extends Collection<Object>> arrays) {
        return tasks <= TASKS
                && leastNodes(tasks, contexts, distinct(arrays)) + MORE_WRITES * tasks + OTHER_NODES <= NODES;
    }

    private static int leastNodes(int tasks, int contexts, int arrays) {
        return NODES_OF_A_GRAPH + NODES_OF_A_TASK * tasks + NODES_OF_AN_ARGUMENT * (contexts + arrays);
    }

    private static int distinct(Collection<? extends Collection<Object>> arrays) {
        Set<Object> distinct = Collections.newSetFromMap(new IdentityHashMap<>());
        arrays.forEach(distinct::addAll);
        return distinct.size();
    }

    /**
     * Checks what can be known before TornadoVM sees the tasks. The number of nodes is a lower bound: scalars, and
     * writes of a task beyond the first, are not counted.
     *
     * @param graph name of the graph
     * @param tasks its tasks
     * @param contexts its KernelContexts, each of which is an argument like an array
     * @param arrays the arrays it declares, by what is declared; one may be in several
     */
    static void check(String graph, int tasks, int contexts, Collection<? extends Collection<Object>> arrays) {
        if (tasks > TASKS) {
            throw new GraphTooLargeException(graph, tasks, "at most " + TASKS);
        }
        int distinct = distinct(arrays);
        int nodes = leastNodes(tasks, contexts, distinct);
        if (nodes > NODES) {
            throw new GraphTooLargeException(
                    graph, tasks, "with their %d arrays they need %d nodes at least, of at most %d"
                            .formatted(distinct, nodes, NODES));
        }
    }
}
