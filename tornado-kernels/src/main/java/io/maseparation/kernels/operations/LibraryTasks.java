package io.maseparation.kernels.operations;

import java.lang.reflect.Array;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.TaskGraph;

/**
 * Tasks of a graph that a library of this program does, and no kernel: through the interface that TornadoVM has for
 * NVIDIA's libraries (tasks of the CUDA backend since 5.2). By reflection, since the code is compiled without
 * TornadoVM's runtime; methods throw {@link LinkageError} where that is not as expected.
 */
public final class LibraryTasks {
    private static final String LIBRARIES = "uk.ac.manchester.tornado.runtime.library.";

    private LibraryTasks() {}

    /** A library that TornadoVM knows until this is closed, which is after the plans with its tasks. */
    public static final class Registration implements AutoCloseable {
        private final List<Object> all;
        private final Object provider;

        private Registration(List<Object> all, Object provider) {
            this.all = all;
            this.provider = provider;
        }

        @Override
        @SuppressWarnings("ReferenceEquality")
        public void close() {
            all.removeIf(other -> other == provider);
        }
    }

    /**
     * Lets TornadoVM know a library.
     *
     * @param name its name in tasks
     * @param library what does the tasks
     * @return until when it is known
     */
    @SuppressWarnings("unchecked")
    public static Registration register(String name, DeviceLibrary library) {
        Class<?> type = type("spi.TornadoLibraryProvider");
        Object provider =
                Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, new Provider(name, library));
        try {
            // The providers that were found on the module path; there is no method to add one.
            Method providers = type("LibraryRegistry").getDeclaredMethod("getProviders");
            providers.setAccessible(true);
            List<Object> all = (List<Object>) providers.invoke(null);
            all.add(provider);
            return new Registration(all, provider);
        } catch (ReflectiveOperationException | RuntimeException e) {
            throw new LinkageError("TornadoVM's libraries", e);
        }
    }

    /**
     * Adds a task.
     *
     * @param graph what {@link KernelGraph#task} gives to those who add tasks
     * @param id name of the task
     * @param library name of the library
     * @param function name of its function
     * @param written the argument that is written; the others are read
     * @param arguments arrays and numbers
     * @return the graph
     */
    public static TaskGraph add(
            TaskGraph graph, String id, String library, String function, int written, Object... arguments) {
        if (!(graph instanceof OpenTaskGraph open)) {
            throw new LinkageError("tasks of libraries are for TornadoVM's CUDA backend");
        }
        Class<?> type = TaskInside.api("common.LibraryTaskDescriptor");
        Class<?> access = TaskInside.api("common.Access");
        Object accesses = Array.newInstance(access, arguments.length);
        for (int i = 0; i < arguments.length; i++) {
            Array.set(accesses, i, constant(access, i == written ? "WRITE_ONLY" : "READ_ONLY"));
        }
        try {
            Object task = type.getConstructor().newInstance();
            type.getMethod("withLibrary", String.class).invoke(task, library);
            type.getMethod("withFunction", String.class).invoke(task, function);
            type.getMethod("withParameters", Object[].class).invoke(task, (Object) arguments);
            type.getMethod("withAccess", accesses.getClass()).invoke(task, accesses);
            open.addLibraryTask(id, task);
            return graph;
        } catch (ReflectiveOperationException e) {
            throw new LinkageError("TornadoVM's tasks of libraries", e);
        }
    }

    private static Object constant(Class<?> type, String name) {
        return Arrays.stream(type.getEnumConstants()).filter(c -> c.toString().equals(name)).findFirst()
                .orElseThrow(() -> new LinkageError("TornadoVM's " + type.getSimpleName() + " has no " + name));
    }

    private static Class<?> type(String name) {
        try {
            return Class.forName(LIBRARIES + name);
        } catch (ClassNotFoundException e) {
            throw new LinkageError("TornadoVM's " + name, e);
        }
    }

    /** What TornadoVM asks of a provider. */
    private static final class Provider implements InvocationHandler {
        private final String name;
        private final DeviceLibrary library;
        private final Class<?> streams = type("spi.TornadoNativeStreamSupport");
        private final Class<?> contexts = type("spi.LibraryContext");
        private final Method count;
        private final Method argument;
        private final Method address;
        private final Method device;
        private final Method plan;
        private final Method stream;

        Provider(String name, DeviceLibrary library) {
            this.name = name;
            this.library = library;
            Class<?> invocation = type("spi.LibraryInvocation");
            try {
                count = invocation.getMethod("getNumArgs");
                argument = invocation.getMethod("getArg", int.class);
                address = invocation.getMethod("getDevicePointer", int.class);
                device = invocation.getMethod("getDevice");
                plan = invocation.getMethod("getExecutionPlanId");
                stream = streams.getMethod("getNativeStream", long.class);
            } catch (NoSuchMethodException e) {
                throw new LinkageError("TornadoVM's tasks of libraries", e);
            }
        }

        @Override
        @SuppressWarnings("ReferenceEquality") // what an object's own equals is
        public @Nullable Object invoke(Object self, Method method, Object[] given)
                throws ReflectiveOperationException {
            return switch (method.getName()) {
                case "libraryName", "toString" -> name;
                case "canHandle" -> streams.isInstance(given[0]);
                case "createContext" -> Proxy.newProxyInstance(
                        contexts.getClassLoader(), new Class<?>[] {contexts}, new Identity());
                case "dispatch" -> {
                    library.enqueue((String) given[0], call(given[1]));
                    yield null;
                }
                case "equals" -> self == given[0];
                case "hashCode" -> System.identityHashCode(self);
                // To prepare and to free: there is nothing.
                default -> null;
            };
        }

        private DeviceLibrary.Call call(Object invocation) throws ReflectiveOperationException {
            int n = (int) count.invoke(invocation);
            Object[] arguments = new Object[n];
            long[] addresses = new long[n];
            for (int i = 0; i < n; i++) {
                arguments[i] = argument.invoke(invocation, i);
                addresses[i] = (long) address.invoke(invocation, i);
            }
            return new DeviceLibrary.Call(
                    (long) stream.invoke(device.invoke(invocation), plan.invoke(invocation)), arguments, addresses);
        }
    }

    /** An object that has nothing but itself. */
    private static final class Identity implements InvocationHandler {
        @Override
        @SuppressWarnings("ReferenceEquality") // what an object's own equals is
        public Object invoke(Object self, Method method, Object[] given) {
            return switch (method.getName()) {
                case "equals" -> self == given[0];
                case "hashCode" -> System.identityHashCode(self);
                default -> "context";
            };
        }
    }
}
