package io.maseparation.parallel;

import io.maseparation.kernels.ArrayMemory;
import io.maseparation.kernels.LargePages;
import io.maseparation.parallel.engine.EngineLimits;
import io.maseparation.parallel.engine.GenerationRequest;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.run.ExecutionOptions;
import java.io.IOException;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;

/** An application that opens a model, generates and closes again and again, and says how much memory it has. */
final class OpenAndClose {
    private static final Setup SETUP = Layout.separated(1, 1).withMicroBatches(2);
    private static final EngineLimits LIMITS = EngineLimits.of(2, 2000);

    private OpenAndClose() {}

    /**
     * Runs.
     *
     * @param arguments how often
     */
    public static void main(String[] arguments) throws Exception {
        int cycles = Integer.parseInt(arguments[0]);
        for (int cycle = 1; cycle <= cycles; cycle++) {
            try (Model model = Model.preset("tiny", cycle)) {
                if (cycle % 2 == 0) {
                    Generation.of(model).layout(SETUP).prompt(4, 5).maxTokens(3).run();
                } else {
                    try (Engine engine = Engine.start(model, SETUP, LIMITS, ExecutionOptions.defaults())) {
                        engine.submit(GenerationRequest.ids(1, 2, 3).withMaxTokens(3)).result();
                    }
                }
            }
            System.out.println(residentKiB() + " " + arraysKiB());
        }
    }

    /** What was handed out beside the heap and not given back, whether the collector would find it or not. */
    private static long arraysKiB() {
        return (LargePages.bytes() + ArrayMemory.bytes()
                + ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
                        .filter(pool -> pool.getName().equals("direct"))
                        .mapToLong(BufferPoolMXBean::getMemoryUsed)
                        .sum()) >> 10;
    }

    /** 0 where the system does not say. */
    private static long residentKiB() throws IOException {
        Path status = Path.of("/proc/self/status");
        return !Files.isReadable(status)
                ? 0
                : Files.readAllLines(status).stream()
                        .filter(line -> line.startsWith("VmRSS:"))
                        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                        .findFirst().orElseThrow();
    }
}
