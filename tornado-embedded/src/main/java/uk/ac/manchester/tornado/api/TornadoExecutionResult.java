package uk.ac.manchester.tornado.api;

/** The result of an execution. */
public class TornadoExecutionResult {
    private final DeviceMemory memory;

    TornadoExecutionResult(DeviceMemory memory) {
        this.memory = memory;
    }

    /** Brings arrays declared with UNDER_DEMAND to the host. */
    public TornadoExecutionResult transferToHost(Object... objects) {
        if (memory != null) {
            for (Object object : objects) {
                memory.copyOut(object);
            }
        }
        return this;
    }

    /** Whether the execution is done; it always is. */
    public boolean isReady() {
        return true;
    }
}
