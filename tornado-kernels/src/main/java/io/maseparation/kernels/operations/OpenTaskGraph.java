package io.maseparation.kernels.operations;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import uk.ac.manchester.tornado.api.TaskGraph;

/** A task graph whose tasks can be looked at. */
final class OpenTaskGraph extends TaskGraph {
    private final String name;

    OpenTaskGraph(String name) {
        super(name);
        this.name = name;
    }

    /**
     * {@return one of its tasks}
     *
     * @param id the task's name in the graph
     * @throws LinkageError if TornadoVM's graphs are not as expected
     */
    TaskInside task(String id) {
        try {
            String full = name + "." + id;
            Object task = type().getMethod("getTask", String.class).invoke(graph(), full);
            if (task == null) {
                throw new LinkageError("TornadoVM has no task " + full);
            }
            return TaskInside.of(task, full);
        } catch (ReflectiveOperationException e) {
            throw new LinkageError("TornadoVM's task graphs", e);
        }
    }

    /**
     * Adds a task of a library.
     *
     * @param id the task's name in the graph
     * @param task what TornadoVM describes it with
     * @throws LinkageError if TornadoVM's graphs are not as expected
     */
    void addLibraryTask(String id, Object task) {
        try {
            type().getMethod("addLibraryTask", String.class, task.getClass()).invoke(graph(), id, task);
        } catch (ReflectiveOperationException e) {
            throw new LinkageError("TornadoVM's tasks of libraries", e);
        }
    }

    private static Class<?> type() {
        return TaskInside.api("TornadoTaskGraphInterface");
    }

    /** TornadoVM's own. */
    private Object graph() {
        try {
            // A protected field of TornadoVM's class, which the embedded one does not have.
            MethodHandle graph = MethodHandles.lookup().findGetter(OpenTaskGraph.class, "taskGraphImpl", type());
            return graph.invoke(this);
        } catch (Error e) {
            throw e;
        } catch (Throwable e) {
            throw new LinkageError("TornadoVM's task graphs", e);
        }
    }
}
