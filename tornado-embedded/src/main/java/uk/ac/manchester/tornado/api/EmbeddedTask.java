package uk.ac.manchester.tornado.api;

/**
 * A task.
 *
 * @param name name of the graph, a dot, name of the task
 * @param code calls the kernel
 * @param arguments its arguments
 */
record EmbeddedTask(String name, Code code, Object[] arguments) {
    /** Calls the kernel with arguments that may stand for the declared ones. */
    @FunctionalInterface
    interface Code {
        void call(Object[] arguments);
    }

    /** Index of the KernelContext among the arguments, or -1. */
    int contextIndex() {
        for (int i = 0; i < arguments.length; i++) {
            if (arguments[i] instanceof KernelContext) {
                return i;
            }
        }
        return -1;
    }
}
