package io.maseparation.parallel.comm;

/**
 * The processes of a job, each of which has one rank of the plan: rank r lives in process r. Process 0 leads: it
 * decides what runs and tells the others. Safe for use by any number of threads.
 */
public interface Processes {
    /** {@return number of this process, and of the rank that lives in it} */
    int rank();

    /** {@return number of processes} */
    int size();

    /**
     * {@return what carries the messages of a run} Those of this process's own rank arrive here and nowhere else. There
     * is one run at a time.
     */
    Communicator communicator();

    /**
     * Tells another process something. Notes between two processes arrive in the order in which they were sent.
     *
     * @param to the other process
     * @param note what to tell; not to be changed afterwards
     */
    void tell(int to, byte[] note);

    /**
     * Has notes of other processes taken, beginning with those that have come before.
     *
     * @param listener takes them, one at a time, on a thread that also moves messages: it should not take long
     */
    void listen(Listener listener);

    /** Keeps notes of other processes until somebody listens again. */
    void keep();

    /** Takes notes of other processes. */
    @FunctionalInterface
    interface Listener {
        /**
         * A note has come.
         *
         * @param from the process that sent it
         * @param note what it says
         */
        void told(int from, byte[] note);

        /**
         * Messages do not move any more. Nothing by default.
         *
         * @param cause why
         */
        default void broken(RuntimeException cause) {}
    }
}
