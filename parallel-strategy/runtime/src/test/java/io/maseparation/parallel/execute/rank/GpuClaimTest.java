package io.maseparation.parallel.execute.rank;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.maseparation.kernels.Body;
import io.maseparation.kernels.operations.KernelTarget;
import io.maseparation.moe.segments.Device;
import io.maseparation.parallel.execute.TestDevices;
import io.maseparation.parallel.layout.PlanException;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;

/** Runs and engines of one process on GPUs, with captured graphs and without. */
class GpuClaimTest {
    private final Device embedded = TestDevices.strict(1).getFirst();
    private final Device plain = gpu(false);
    private final Device captures = gpu(true);

    private Device gpu(boolean cudaGraphs) {
        return new Device(embedded.device(), new KernelTarget("a GPU", false, false, true, true, true,
                TornadoVMBackendType.CUDA, cudaGraphs, false, false, Optional.of(Body.PORTABLE)));
    }

    @Test
    void whoCapturesGraphsIsAlone() {
        GpuClaim first = GpuClaim.take(List.of(captures, captures));

        assertRefused(captures, "close the other one first");
        assertRefused(plain, "close that one first");

        first.giveUp();
        GpuClaim second = GpuClaim.take(List.of(plain));
        assertRefused(captures, "close the other one first");
        second.giveUp();
        GpuClaim.take(List.of(captures)).giveUp();
    }

    @Test
    void othersAreSeveral() {
        GpuClaim first = GpuClaim.take(List.of(plain));
        GpuClaim second = GpuClaim.take(List.of(plain, plain));

        first.giveUp();
        first.giveUp();
        // Given up twice, and yet the second one is still there.
        assertRefused(captures, "close the other one first");

        second.giveUp();
        GpuClaim.take(List.of(captures)).giveUp();
    }

    @Test
    void theEmbeddedRuntimeIsInNobodysWay() {
        GpuClaim first = GpuClaim.take(List.of(captures));
        assertThatCode(() -> GpuClaim.take(List.of(embedded)).giveUp()).doesNotThrowAnyException();
        first.giveUp();

        GpuClaim second = GpuClaim.take(List.of(embedded));
        GpuClaim.take(List.of(captures)).giveUp();
        second.giveUp();
    }

    private static void assertRefused(Device device, String what) {
        assertThatThrownBy(() -> GpuClaim.take(List.of(device)))
                .isInstanceOf(PlanException.class)
                .hasMessageContaining("captures CUDA graphs")
                .hasMessageContaining(what);
    }
}
