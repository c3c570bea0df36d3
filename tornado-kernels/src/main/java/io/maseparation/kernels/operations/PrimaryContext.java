package io.maseparation.kernels.operations;

import io.maseparation.kernels.NativeCall;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import uk.ac.manchester.tornado.api.common.TornadoDevice;

/**
 * CUDA's primary context of a GPU, the one in which NVIDIA's libraries work. TornadoVM 5.2's CUDA backend makes a
 * context of its own, whose streams and memory a library cannot use that goes back to the primary one (NCCL does). It
 * takes the context from one place whenever it does something, so that there the other one can be put.
 */
@SuppressWarnings("restricted")
public final class PrimaryContext {
    /** CU_CTX_SCHED_YIELD, as TornadoVM has it. */
    private static final int YIELD = 2;
    /** Of no execution plan. */
    private static final long NO_PLAN = -1;
    /** TornadoVM's notes on a context: CUDA's, the device's number, and another number. */
    private static final long NOTES_BYTES = 16;

    private PrimaryContext() {}

    /**
     * Has TornadoVM use the primary context for all plans that are made from now on. No plan may be alive.
     *
     * @param device a device of its CUDA backend
     * @throws LinkageError if TornadoVM is not as expected, or CUDA refuses
     */
    public static void use(TornadoDevice device) {
        try (Arena arena = Arena.ofConfined()) {
            Object platform = call(call(device, "getDeviceContext"), "getPlatformContext");
            long address = (long) call(platform, "getContextId");
            long own = (long) device.getClass().getMethod("getNativeContext", long.class).invoke(device, NO_PLAN);
            MemorySegment notes = MemorySegment.ofAddress(address).reinterpret(NOTES_BYTES);
            if (notes.get(ValueLayout.JAVA_LONG, 0) != own) {
                throw new LinkageError("TornadoVM's context is not where it is expected");
            }
            int gpu = notes.get(ValueLayout.JAVA_INT, Long.BYTES);
            SymbolLookup cuda = SymbolLookup.libraryLookup("libcuda.so.1", Arena.global());
            // Refused where the context is there already, as it is; no matter.
            NativeCall.status(cuda, "cuDevicePrimaryCtxSetFlags_v2", gpu, YIELD);
            MemorySegment primary = arena.allocate(ValueLayout.JAVA_LONG);
            NativeCall.require(cuda, "cuDevicePrimaryCtxRetain", primary, gpu);
            NativeCall.require(cuda, "cuCtxSetCurrent", primary.get(ValueLayout.ADDRESS, 0));
            notes.set(ValueLayout.JAVA_LONG, 0, primary.get(ValueLayout.JAVA_LONG, 0));
        } catch (ReflectiveOperationException e) {
            throw new LinkageError("TornadoVM's context", e);
        }
    }

    private static Object call(Object object, String method) throws ReflectiveOperationException {
        return object.getClass().getMethod(method).invoke(object);
    }
}
