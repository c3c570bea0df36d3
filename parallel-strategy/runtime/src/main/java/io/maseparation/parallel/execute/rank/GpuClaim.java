package io.maseparation.parallel.execute.rank;

import io.maseparation.moe.segments.Device;
import io.maseparation.parallel.layout.PlanException;
import java.util.List;

/**
 * What a run or an engine has of this process's GPUs: where it captures CUDA graphs, all of them. While one captures,
 * CUDA allows other threads of the process little, and when a rank of another one is freed, TornadoVM takes what
 * captured graphs need along: seen on an H200 were captures that came to nothing, launches that failed, and on PTX
 * tokens that were wrong without a word.
 */
final class GpuClaim {
    /** The process's: CUDA has these rules for processes. */
    private static final Claims CLAIMS = new Claims();

    private final int addsOrdinary;
    private final int addsCapturing;
    private boolean given;

    /** How many there are, of those that capture graphs and of others. */
    private static final class Claims {
        private int ordinary;
        private int capturing;
    }

    private GpuClaim(int addsOrdinary, int addsCapturing) {
        this.addsOrdinary = addsOrdinary;
        this.addsCapturing = addsCapturing;
    }

    /**
     * {@return a claim on devices}
     *
     * @param devices of the run or engine; those of the embedded runtime need no claim
     * @throws PlanException if one of them captures graphs and the process has others at work on GPUs, or the other
     *     way round
     */
    static GpuClaim take(List<Device> devices) {
        boolean gpus = devices.stream().anyMatch(d -> !d.target().embedded());
        boolean captures = devices.stream().anyMatch(d -> !d.target().embedded() && d.target().cudaGraphs());
        GpuClaim claim = new GpuClaim(gpus && !captures ? 1 : 0, captures ? 1 : 0);
        synchronized (CLAIMS) {
            if ((captures && CLAIMS.ordinary + CLAIMS.capturing > 0) || (gpus && CLAIMS.capturing > 0)) {
                throw new PlanException("a run or engine that captures CUDA graphs has to be the only one of its"
                        + " process on GPUs: " + (captures ? "close the other one first" : "close that one first")
                        + ", or go without captured graphs");
            }
            CLAIMS.ordinary += claim.addsOrdinary;
            CLAIMS.capturing += claim.addsCapturing;
            claim.given = true;
        }
        return claim;
    }

    /** Gives it up, once. */
    void giveUp() {
        synchronized (CLAIMS) {
            if (given) {
                given = false;
                CLAIMS.ordinary -= addsOrdinary;
                CLAIMS.capturing -= addsCapturing;
            }
        }
    }
}
