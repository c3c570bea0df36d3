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
        Class<?> type = TaskInside.api("TornadoTaskGraphInterface");
        try {
            // A protected field of TornadoVM's class, which the embedded one does not have.
            MethodHandle graph = MethodHandles.lookup().findGetter(OpenTaskGraph.class, "taskGraphImpl", type);
            String full = name + "." + id;
            Object task = type.getMethod("getTask", String.class).invoke(graph.invoke(this), full);
            if (task == null) {
                throw new LinkageError("TornadoVM has no task " + full);
            }
            return TaskInside.of(task, full);
        } catch (Error e) {
            throw e;
        } catch (Throwable e) {
            throw new LinkageError("TornadoVM's task graphs", e);
        }
    }
}
