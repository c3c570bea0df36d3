package io.maseparation.parallel.run;

import io.maseparation.kernels.DataType;
import io.maseparation.moe.segments.Device;
import io.maseparation.parallel.change.Changes;
import java.time.Duration;
import java.util.List;
import java.util.function.IntConsumer;

/**
 * How a plan is run.
 *
 * @param devices one for each rank, or fewer to be shared in turn; empty for those of the runtime in use
 * @param kvType format of the KV cache, F32 or F16
 * @param deviceMemory bytes that a rank may hold; 0 for no limit
 * @param stallTimeout time without any rank finishing an operation after which the run fails
 * @param onToken called with the sequence's index whenever a token was sampled, on a rank's thread
 * @param transfers whether the timeline has transfers and waits too, which costs a little time
 * @param changes changes of layout that the run may go through
 */
public record ExecutionOptions(
        List<Device> devices, DataType kvType, long deviceMemory, Duration stallTimeout, IntConsumer onToken,
        boolean transfers, Changes changes) {

    /** Devices of the runtime in use, fp32 cache, no limit, five minutes. */
    public static ExecutionOptions defaults() {
        return new ExecutionOptions(List.of(), DataType.F32, 0, Duration.ofMinutes(5), sequence -> {}, false,
                Changes.NONE);
    }

    /** The same on other devices. */
    public ExecutionOptions withDevices(List<Device> others) {
        return new ExecutionOptions(others, kvType, deviceMemory, stallTimeout, onToken, transfers, changes);
    }

    /** The same with another format of the KV cache. */
    public ExecutionOptions withKvType(DataType type) {
        return new ExecutionOptions(devices, type, deviceMemory, stallTimeout, onToken, transfers, changes);
    }

    /** The same with a memory limit for each rank. */
    public ExecutionOptions withDeviceMemory(long bytes) {
        return new ExecutionOptions(devices, kvType, bytes, stallTimeout, onToken, transfers, changes);
    }

    /** The same with a listener for progress. */
    public ExecutionOptions withOnToken(IntConsumer listener) {
        return new ExecutionOptions(devices, kvType, deviceMemory, stallTimeout, listener, transfers, changes);
    }

    /** The same with transfers and waits in the timeline, or without. */
    public ExecutionOptions withTransfers(boolean recorded) {
        return new ExecutionOptions(devices, kvType, deviceMemory, stallTimeout, onToken, recorded, changes);
    }

    /** The same with changes of layout. */
    public ExecutionOptions withChanges(Changes allowed) {
        return new ExecutionOptions(devices, kvType, deviceMemory, stallTimeout, onToken, transfers, allowed);
    }
}
