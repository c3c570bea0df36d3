package io.maseparation.kernels.operations;

/** A library that works on arrays where a device has them, in the order of what the device does otherwise. */
@FunctionalInterface
public interface DeviceLibrary {
    /**
     * Has a function done after all that was given to the device before, and before all that comes; returns as soon as
     * that is arranged. The stream may be recording a graph: what is done then is in the graph.
     *
     * @param function name of the function
     * @param call what it is called with
     */
    void enqueue(String function, Call call);

    /**
     * What a function is called with.
     *
     * @param stream CUDA's stream of the execution plan
     * @param arguments the arguments: numbers, and arrays on the host
     * @param addresses of the arrays on the device, beginning with their first element; 0 for numbers
     */
    record Call(long stream, Object[] arguments, long[] addresses) {
        /**
         * {@return an argument that is a number}
         *
         * @param argument its place
         */
        public int number(int argument) {
            return (int) arguments[argument];
        }
    }
}
