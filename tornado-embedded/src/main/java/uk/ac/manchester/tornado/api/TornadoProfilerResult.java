package uk.ac.manchester.tornado.api;

/** Times of the executions of a plan's selected graphs, where the plan has a profiler. */
public class TornadoProfilerResult {
    private final String log;
    private final long kernelNanos;

    TornadoProfilerResult(String log, long kernelNanos) {
        this.log = log;
        this.kernelNanos = kernelNanos;
    }

    /** Nanoseconds that the tasks of the last execution took. */
    public long getDeviceKernelTime() {
        return kernelNanos;
    }

    /** Profiles of all executions so far, one JSON object for each; values are strings, as in TornadoVM. */
    public String getProfileLog() {
        return log;
    }
}
