package io.maseparation.parallel.execute.rank;

import io.maseparation.moe.segments.Device;
import java.util.List;

/** Says in the log, once a process, that there would be faster kernels. */
final class SlowKernels {
    private SlowKernels() {}

    /** A class is initialised once. */
    private static final class Said {
        private static final boolean DONE = say();

        private static boolean say() {
            System.getLogger(SlowKernels.class.getName()).log(
                    System.Logger.Level.INFO,
                    "slow kernels: the fast ones need the JVM option --add-modules jdk.incubator.vector");
            return true;
        }
    }

    /** {@return whether some of the devices have the slow ones, which is said by then} */
    static boolean mention(List<Device> devices) {
        return devices.stream().map(Device::target).anyMatch(t -> t.embedded() && !t.vectorApi()) && Said.DONE;
    }
}
