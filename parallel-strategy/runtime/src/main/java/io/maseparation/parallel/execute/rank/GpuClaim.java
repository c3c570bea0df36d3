package io.maseparation.parallel.execute.rank;

import io.maseparation.kernels.operations.KernelTarget;
import io.maseparation.moe.segments.Device;
import io.maseparation.parallel.layout.PlanException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * What a run or an engine has of this process's GPUs: where it captures CUDA graphs, all of them. While one captures,
 * CUDA allows other threads of the process little, and when a rank of another one is freed, TornadoVM takes what
 * captured graphs need along: seen on an H200 were captures that came to nothing, launches that failed, and on PTX
 * tokens that were wrong without a word.
 */
final class GpuClaim {
    /** Those of the process, which CUDA has its rules for. */
    private static final Set<GpuClaim> CLAIMS = new HashSet<>();

    private final boolean captures;

    private GpuClaim(boolean captures) {
        this.captures = captures;
    }

    /**
     * {@return a claim on devices}
     *
     * @param devices of the run or engine; those of the embedded runtime need no claim
     * @throws PlanException if one of them captures graphs and the process has others at work on GPUs, or the other
     *     way round
     */
    static GpuClaim take(List<Device> devices) {
        List<KernelTarget> gpus =
                devices.stream().map(Device::target).filter(target -> !target.embedded()).toList();
        GpuClaim claim = new GpuClaim(gpus.stream().anyMatch(KernelTarget::cudaGraphs));
        if (gpus.isEmpty()) {
            return claim;
        }
        synchronized (CLAIMS) {
            boolean refused = claim.captures ? !CLAIMS.isEmpty() : CLAIMS.stream().anyMatch(other -> other.captures);
            if (refused) {
                throw new PlanException("a run or engine that captures CUDA graphs has to be the only one of its"
                        + " process on GPUs: close %s one first, or go without captured graphs"
                                .formatted(claim.captures ? "the other" : "that"));
            }
            CLAIMS.add(claim);
        }
        return claim;
    }

    /** Gives it up, once. */
    void giveUp() {
        synchronized (CLAIMS) {
            CLAIMS.remove(this);
        }
    }
}
