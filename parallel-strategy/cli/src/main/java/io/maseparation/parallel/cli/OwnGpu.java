package io.maseparation.parallel.cli;

import io.maseparation.kernels.NativeCall;
import io.maseparation.moe.segments.Device;
import java.lang.foreign.Arena;
import java.lang.foreign.Linker;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * The GPU of a rank that is a process of its own: those of a host take its GPUs in turn. CUDA reads which GPUs it may
 * use from the environment when it starts, and TornadoVM's backend for it computes on the first of them.
 */
final class OwnGpu {
    private static final String VISIBLE = "CUDA_VISIBLE_DEVICES";
    /** Number of a process among those of its host: set by mpirun, and by Slurm. */
    private static final List<String> LOCAL_RANKS = List.of("OMPI_COMM_WORLD_LOCAL_RANK", "SLURM_LOCALID");

    private OwnGpu() {}

    /** Lets CUDA see no other GPU than this process's. To be called before anything asks for devices. */
    static void choose() {
        Map<String, String> environment = System.getenv();
        OptionalInt gpus = environment.containsKey(VISIBLE) ? OptionalInt.empty() : Device.nvidiaGpus();
        choice(environment, gpus.orElse(0)).ifPresent(gpu -> set(VISIBLE, gpu));
    }

    /**
     * {@return what CUDA is to see; empty where there is nothing to choose}
     *
     * @param environment the process's environment
     * @param gpus number of GPUs of the host
     */
    static Optional<String> choice(Map<String, String> environment, int gpus) {
        List<String> visible = Optional.ofNullable(environment.get(VISIBLE))
                .map(list -> Arrays.stream(list.split(",", -1)).map(String::strip).filter(gpu -> !gpu.isEmpty())
                        .toList())
                .orElseGet(() -> IntStream.range(0, gpus).mapToObj(String::valueOf).toList());
        return LOCAL_RANKS.stream()
                .flatMap(name -> Stream.ofNullable(environment.get(name)))
                .filter(number -> number.matches("\\d{1,9}"))
                .findFirst()
                .filter(_ -> visible.size() > 1)
                .map(number -> visible.get(Integer.parseInt(number) % visible.size()));
    }

    /** Sets a variable of the process's environment: for its libraries, since Java keeps a copy of its own. */
    private static void set(String name, String value) {
        try (Arena arena = Arena.ofConfined()) {
            int status = NativeCall.status(
                    Linker.nativeLinker().defaultLookup(), "setenv", arena.allocateFrom(name),
                    arena.allocateFrom(value), 1);
            if (status != 0) {
                throw new FailedException(
                        "this process's GPU cannot be chosen: set %s=%s for it".formatted(name, value));
            }
        }
    }
}
