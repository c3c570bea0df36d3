package io.maseparation.parallel.run;

import io.maseparation.files.ModelException;
import io.maseparation.kernels.DataType;
import io.maseparation.moe.segments.Device;
import io.maseparation.parallel.change.Changes;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.function.IntConsumer;

/**
 * How a plan is run.
 *
 * @param devices one for each rank, or fewer to be shared in turn; empty for those of the runtime in use
 * @param kvType format of the KV cache, F32 or F16
 * @param deviceMemory bytes that a rank may hold; 0 for no limit
 * @param stallTimeout time, more than 0, without any rank finishing an operation after which the run fails
 * @param onToken called with the sequence's index whenever a token was sampled, on a rank's thread
 * @param transfers whether the timeline has transfers and waits too, which costs a little time
 * @param changes changes of layout that the run, or the engine, may go through
 */
public record ExecutionOptions(
        List<Device> devices, DataType kvType, long deviceMemory, Duration stallTimeout, IntConsumer onToken,
        boolean transfers, Changes changes) {

    /**
     * Copies the list of devices.
     *
     * @throws ModelException naming the option that makes no sense
     */
    public ExecutionOptions {
        devices = Needed.all(devices, "devices");
        Objects.requireNonNull(kvType, "kvType");
        Objects.requireNonNull(stallTimeout, "stallTimeout");
        Objects.requireNonNull(onToken, "onToken");
        Objects.requireNonNull(changes, "changes");
        if (kvType != DataType.F32 && kvType != DataType.F16) {
            throw new ModelException("'kv_dtype' must be f32 or f16, is " + kvType.name().toLowerCase(Locale.ROOT));
        }
        if (deviceMemory < 0) {
            throw new ModelException("'device_memory' must be 0 or more, is " + deviceMemory);
        }
        if (!stallTimeout.isPositive()) {
            throw new ModelException("'stall_timeout' must be more than 0, is " + stallTimeout);
        }
    }

    /** {@return devices of the runtime in use, fp32 cache, no limit, five minutes} */
    public static ExecutionOptions defaults() {
        return new ExecutionOptions(List.of(), DataType.F32, 0, Duration.ofMinutes(5), sequence -> {}, false,
                Changes.NONE);
    }

    /** {@return what devices multiply fp16 weights with: F16 where any rounds activations so, otherwise F32} */
    public DataType activations() {
        return devices.stream().anyMatch(d -> d.target().f16Activations()) ? DataType.F16 : DataType.F32;
    }

    /** {@return F16 where keys and values or activations are rounded to 16 bits, otherwise F32} */
    public DataType coarsestType() {
        return activations() == DataType.F16 ? DataType.F16 : kvType;
    }

    /**
     * {@return the same on other devices}
     *
     * @param others one for each rank, or fewer to be shared in turn; empty for those of the runtime in use
     */
    public ExecutionOptions withDevices(List<Device> others) {
        return new ExecutionOptions(others, kvType, deviceMemory, stallTimeout, onToken, transfers, changes);
    }

    /**
     * {@return the same with another format of the KV cache}
     *
     * @param type format of keys and values, F32 or F16
     * @throws ModelException if it is another one
     */
    public ExecutionOptions withKvType(DataType type) {
        return new ExecutionOptions(devices, type, deviceMemory, stallTimeout, onToken, transfers, changes);
    }

    /**
     * {@return the same with a memory limit for each rank}
     *
     * @param bytes bytes a rank may hold; 0 for no limit
     * @throws ModelException if it is negative
     */
    public ExecutionOptions withDeviceMemory(long bytes) {
        return new ExecutionOptions(devices, kvType, bytes, stallTimeout, onToken, transfers, changes);
    }

    /**
     * {@return the same with a listener for progress}
     *
     * @param listener called with the sequence's index whenever a token was sampled
     */
    public ExecutionOptions withOnToken(IntConsumer listener) {
        return new ExecutionOptions(devices, kvType, deviceMemory, stallTimeout, listener, transfers, changes);
    }

    /**
     * {@return the same with transfers and waits in the timeline, or without}
     *
     * @param recorded whether they are recorded
     */
    public ExecutionOptions withTransfers(boolean recorded) {
        return new ExecutionOptions(devices, kvType, deviceMemory, stallTimeout, onToken, recorded, changes);
    }

    /**
     * {@return the same with changes of layout}
     *
     * @param allowed which changes are made, and when
     */
    public ExecutionOptions withChanges(Changes allowed) {
        return new ExecutionOptions(devices, kvType, deviceMemory, stallTimeout, onToken, transfers, allowed);
    }

    /** {@return the devices, or those that a rank takes where none are named} */
    public List<Device> devicesOrDefault() {
        return devices.isEmpty() ? Device.forRanks(1) : devices;
    }
}
