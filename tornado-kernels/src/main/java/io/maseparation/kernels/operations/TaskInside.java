package io.maseparation.kernels.operations;

import java.lang.reflect.Method;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.common.TornadoDevice;

/**
 * What TornadoVM's runtime knows of a task and has in no method of its API: by reflection, since the code is compiled
 * without that runtime. All methods throw {@link LinkageError} where the runtime is not as expected.
 *
 * @param id name of the graph, a dot, the task's
 * @param task TornadoVM's object
 * @param method the kernel
 * @param arguments its arguments
 */
public record TaskInside(String id, Object task, Method method, Object[] arguments) {
    private static final String API = "uk.ac.manchester.tornado.api.";

    static TaskInside of(Object task, String id) {
        return new TaskInside(
                id,
                task,
                (Method) call(task.getClass(), task, "getMethod"),
                (Object[]) call(api("common.SchedulableTask"), task, "getArguments"));
    }

    /** What the kernel does with each argument; known when the task is compiled. */
    Object[] accesses() {
        return (Object[]) call(api("common.SchedulableTask"), task, "getArgumentsAccess");
    }

    /** The CUDA C of a compiled task. */
    byte[] source(TornadoExecutionPlan plan, TornadoDevice device) {
        Object context = call(TornadoDevice.class, device, "getDeviceContext");
        try {
            Object code = context.getClass()
                    .getMethod("getInstalledCode", long.class, String.class, String.class)
                    .invoke(context, call(TornadoExecutionPlan.class, plan, "getId"), id, method.getName());
            if (code == null) {
                throw new LinkageError("TornadoVM has no code of " + id);
            }
            return (byte[]) call(code.getClass(), code, "getCode");
        } catch (ReflectiveOperationException e) {
            throw new LinkageError("TornadoVM's code of " + id, e);
        }
    }

    /**
     * {@return the graph with a task more, which has its code from a source}
     *
     * @param graph the graph
     * @param name the task's name in it
     * @param source its code
     * @param arguments its arguments
     */
    static TaskGraph add(TaskGraph graph, String name, KernelSources.Source source, Object[] arguments) {
        try {
            Class<?> type = api("AccessorParameters");
            Object parameters = type.getConstructor(int.class).newInstance(arguments.length);
            Method set = type.getMethod("set", int.class, Object.class, api("common.Access"));
            for (int i = 0; i < arguments.length; i++) {
                set.invoke(parameters, i, arguments[i], source.accesses()[i]);
            }
            return (TaskGraph) TaskGraph.class
                    .getMethod("prebuiltTask", String.class, String.class, String.class, type)
                    .invoke(graph, name, source.entryPoint(), source.file().toString(), parameters);
        } catch (ReflectiveOperationException e) {
            if (e.getCause() instanceof RuntimeException ofTornado) {
                throw ofTornado;
            }
            throw new LinkageError("TornadoVM's tasks with a source", e);
        }
    }

    static Class<?> api(String name) {
        try {
            return Class.forName(API + name);
        } catch (ClassNotFoundException e) {
            throw new LinkageError("TornadoVM's " + name, e);
        }
    }

    private static Object call(Class<?> type, Object object, String method) {
        try {
            return type.getMethod(method).invoke(object);
        } catch (ReflectiveOperationException e) {
            throw new LinkageError("TornadoVM's " + type.getSimpleName() + "." + method, e);
        }
    }
}
