package io.maseparation.parallel.comm;

/** Thrown on ranks that are told to stop because another rank failed. */
public final class RunAbortedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** A rank other than the failed one stops. */
    public RunAbortedException() {
        super("the run was aborted because another rank failed");
    }
}
