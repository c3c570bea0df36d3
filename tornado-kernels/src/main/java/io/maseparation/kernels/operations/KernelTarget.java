package io.maseparation.kernels.operations;

import io.maseparation.kernels.Body;
import io.maseparation.kernels.Operation;
import java.util.Optional;
import java.util.Set;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.enums.TornadoDeviceType;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;

/**
 * What a device can do, and with it the one place that chooses the body of an operation.
 *
 * @param name device name, for messages
 * @param embedded whether tasks run as plain Java in this JVM
 * @param vectorApi whether the module jdk.incubator.vector is present
 * @param warpSums whether simdSum works (through OpenCL it does not)
 * @param fp16 whether half-precision weights can be read
 * @param bf16 whether bfloat16 weights can be read
 * @param backend TornadoVM's backend of the device
 * @param cudaGraphs whether the tasks of a graph shall be launched as one
 * @param tensorCores whether gpu bodies multiply fp16 weights with the warps' matrix instructions
 * @param f16Activations whether tensor cores take x in one fp16 number each, instead of two that hold 22 bits
 * @param override body to use wherever an operation has it
 */
public record KernelTarget(
        String name,
        boolean embedded,
        boolean vectorApi,
        boolean warpSums,
        boolean fp16,
        boolean bf16,
        TornadoVMBackendType backend,
        boolean cudaGraphs,
        boolean tensorCores,
        boolean f16Activations,
        Optional<Body> override) {

    /**
     * A choice and its reason.
     *
     * @param body the body
     * @param reason why, in a few words
     */
    public record Choice(Body body, String reason) {}

    /** Name of the devices of tornado-embedded. */
    private static final String EMBEDDED = "embedded";

    private static final Set<Operation> ON_TENSOR_CORES = Set.of(
            Operation.QKV_PROJECTION,
            Operation.PROJECTION,
            Operation.EXPERT_UP,
            Operation.EXPERT_DOWN,
            Operation.PREFILL_ATTENTION);

    /** The embedded device: host bodies where the Vector API is present, portable ones otherwise. */
    public static KernelTarget embeddedDevice() {
        boolean vector = ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent();
        return new KernelTarget(EMBEDDED, true, vector, true, true, true, TornadoVMBackendType.JAVA, false, false,
                false, Optional.empty());
    }

    /** What a device of the runtime in use can do. */
    public static KernelTarget detect(TornadoDevice device) {
        String name = device.getDeviceName();
        if (name.startsWith(EMBEDDED)) {
            return embeddedDevice();
        }
        boolean gpu = device.getDeviceType() == TornadoDeviceType.GPU;
        TornadoVMBackendType backend = device.getTornadoVMBackend();
        // Through OpenCL, warp sums are silently the identity on PoCL, and gpu bodies gave wrong logits on an H200
        // (ma devices --self-check). Only the CUDA backend has arrays of bf16.
        return new KernelTarget(name, false, false, isNvidia(backend), gpu, backend == TornadoVMBackendType.CUDA,
                backend, false,
                isNvidia(backend), false, Optional.empty());
    }

    private static boolean isNvidia(TornadoVMBackendType backend) {
        return backend == TornadoVMBackendType.CUDA || backend == TornadoVMBackendType.PTX;
    }

    /** Whether the backend is for NVIDIA's GPUs, and so can launch the tasks of a graph as one. */
    public boolean nvidia() {
        return isNvidia(backend);
    }

    /** Whether a kernel that was compiled once serves for other tasks: the CUDA backend takes CUDA C as well. */
    public boolean sharesSources() {
        return !embedded && backend == TornadoVMBackendType.CUDA;
    }

    /** Whether kernels can load two halves of an array at once: of TornadoVM's backends CUDA's can. */
    public boolean loadsHalf2() {
        return embedded || backend == TornadoVMBackendType.CUDA;
    }

    /** The same device with another preferred body. */
    public KernelTarget withBody(Body body) {
        return new KernelTarget(name, embedded, vectorApi, warpSums, fp16, bf16, backend, cudaGraphs,
                tensorCores, f16Activations, Optional.of(body));
    }

    /** The same device launching the tasks of a graph as one, where its backend is TornadoVM's CUDA or PTX. */
    public KernelTarget withCudaGraphs() {
        return new KernelTarget(name, embedded, vectorApi, warpSums, fp16, bf16, backend, nvidia(), tensorCores,
                f16Activations, override);
    }

    /** The same device with or without tensor cores. */
    public KernelTarget withTensorCores(boolean use) {
        return new KernelTarget(name, embedded, vectorApi, warpSums, fp16, bf16, backend, cudaGraphs, use,
                f16Activations, override);
    }

    /**
     * The same device with x in one fp16 number where tensor cores multiply: half of the products, and errors of up to
     * 2^-11 of each product instead of fp32's. Nothing changes where they do not.
     */
    public KernelTarget withF16Activations() {
        return new KernelTarget(name, embedded, vectorApi, warpSums, fp16, bf16, backend, cudaGraphs, tensorCores,
                true, override);
    }

    /** Chooses the body of an operation. */
    public Choice choose(Operation operation) {
        Choice choice = choose();
        return tensorCores && choice.body() == Body.GPU && ON_TENSOR_CORES.contains(operation)
                ? new Choice(Body.GPU, "the device has tensor cores, for fp16 weights and caches, and warp sums")
                : choice;
    }

    /** Whether a body gives right results here. */
    public boolean has(Body body) {
        return switch (body) {
            case PORTABLE -> true;
            case GPU -> embedded || warpSums;
            case HOST -> embedded && vectorApi;
        };
    }

    /** Chooses among the bodies: every operation has all three. */
    public Choice choose() {
        boolean host = embedded && vectorApi;
        boolean possible = override.isPresent() && has(override.get());
        if (possible) {
            return new Choice(override.get(), "asked for");
        }
        if (embedded) {
            return host
                    ? new Choice(Body.HOST, "runs on the CPU with the Vector API")
                    : new Choice(Body.PORTABLE, "no --add-modules jdk.incubator.vector");
        }
        return warpSums
                ? new Choice(Body.GPU, "the device has warp sums")
                : new Choice(Body.PORTABLE, "the device has no working warp sums");
    }
}
