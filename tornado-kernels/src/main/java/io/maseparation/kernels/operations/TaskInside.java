package io.maseparation.kernels.operations;

import java.lang.reflect.Method;
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
     * Puts code in the place where TornadoVM looks for the task's.
     *
     * @param plan the plan that the task is in
     * @param device the plan's device
     * @param source the code
     */
    void install(TornadoExecutionPlan plan, TornadoDevice device, KernelSources.Source source) {
        Object context = call(TornadoDevice.class, device, "getDeviceContext");
        Object data = call(api("common.SchedulableTask"), task, "meta");
        try {
            context.getClass()
                    .getMethod("installCode", long.class, data.getClass(), String.class, String.class, byte[].class)
                    .invoke(context, call(TornadoExecutionPlan.class, plan, "getId"), data, id, method.getName(),
                            source.code());
        } catch (ReflectiveOperationException e) {
            throw new LinkageError("TornadoVM's code of " + id, e);
        }
        Object[] own = accesses();
        System.arraycopy(source.accesses(), 0, own, 0, own.length);
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
