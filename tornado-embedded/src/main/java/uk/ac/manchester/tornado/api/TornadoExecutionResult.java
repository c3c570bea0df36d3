package uk.ac.manchester.tornado.api;

import uk.ac.manchester.tornado.api.exceptions.TornadoRuntimeException;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/** The result of an execution. */
public class TornadoExecutionResult {
    private final TornadoExecutionPlan plan;
    private final TornadoProfilerResult profile;

    TornadoExecutionResult(TornadoExecutionPlan plan, TornadoProfilerResult profile) {
        this.plan = plan;
        this.profile = profile;
    }

    /** Times, where the plan has a profiler. */
    public TornadoProfilerResult getProfilerResult() {
        return profile;
    }

    /**
     * Brings arrays that stayed on the device (UNDER_DEMAND, persisted, consumed) to the host. As in TornadoVM they
     * come from the graphs that the plan has selected now: ask before the next {@link TornadoExecutionPlan#withGraph}.
     *
     * @throws TornadoRuntimeException if a strict device does not have them
     */
    public TornadoExecutionResult transferToHost(Object... objects) {
        for (Object object : objects) {
            if (!(object instanceof TornadoNativeArray array)) {
                throw new TornadoRuntimeException("only arrays are transferred, not " + object);
            }
            plan.copyOut(array, 0, array.getNumBytesOfSegment());
        }
        return this;
    }

    /** As {@link #transferToHost(Object...)}, for a part of an array. */
    public TornadoExecutionResult transferToHost(DataRange dataRange) {
        dataRange.materialize();
        plan.copyOut(dataRange.getArray(), dataRange.getOffset() - TornadoNativeArray.ARRAY_HEADER,
                dataRange.getPartialSize());
        return this;
    }

    /** Whether the execution is done; it always is. */
    public boolean isReady() {
        return true;
    }
}
