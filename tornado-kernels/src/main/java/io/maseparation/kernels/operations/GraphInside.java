package io.maseparation.kernels.operations;

import java.lang.reflect.AccessibleObject;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.ImmutableTaskGraph;
import uk.ac.manchester.tornado.api.TaskGraph;

/**
 * TornadoVM's way from a graph to its runtime's object, by reflection, since the code is compiled without that runtime.
 *
 * @param graph ImmutableTaskGraph.getTaskGraph
 * @param implementation the field TaskGraph.taskGraphImpl
 * @param type what that has
 */
record GraphInside(Method graph, Field implementation, Class<?> type) {
    private static final String TYPE = "uk.ac.manchester.tornado.runtime.tasks.TornadoTaskGraph";

    static GraphInside find() throws ReflectiveOperationException {
        return new GraphInside(
                opened(ImmutableTaskGraph.class.getDeclaredMethod("getTaskGraph")),
                opened(TaskGraph.class.getDeclaredField("taskGraphImpl")),
                Class.forName(TYPE));
    }

    static <T extends AccessibleObject> T opened(T member) {
        member.setAccessible(true);
        return member;
    }

    /** A field of the runtime's object. */
    Field field(String name) throws ReflectiveOperationException {
        return opened(type.getDeclaredField(name));
    }

    /** The runtime's object. */
    Object of(ImmutableTaskGraph immutable) throws ReflectiveOperationException {
        return implementation.get(graph.invoke(immutable));
    }

    /** What a method of the runtime returns; what it throws is thrown as it is. */
    static @Nullable Object call(Method method, Object of, @Nullable Object... arguments)
            throws ReflectiveOperationException {
        try {
            return method.invoke(of, arguments);
        } catch (InvocationTargetException e) {
            if (e.getCause() instanceof RuntimeException ofRun) {
                throw ofRun;
            }
            if (e.getCause() instanceof Error error) {
                throw error;
            }
            throw e;
        }
    }
}
