package io.maseparation.kernels.operations;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.maseparation.kernels.Body;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Graphs that TornadoVM has no room for are refused before it sees them, and those that it has room for are not. */
@Tag("tornado")
class GraphLimitsTest {
    private static final KernelTarget GPU =
            new KernelTarget("gpu-0", false, false, true, true, true, TornadoVMBackendType.VIRTUAL, false, false,
                    false, Optional.empty());

    private final IntArray step = RowOps.step(0, 1, 0);
    private final FloatArray x = new FloatArray(4);

    /** Tasks on two arrays and two scalars. */
    private KernelGraph clips(KernelTarget target, int tasks) {
        KernelGraph graph = new KernelGraph("clips", target, new GridScheduler());
        graph.input(step, x);
        for (int i = 0; i < tasks; i++) {
            Clip.add(graph, "clip" + i, step, x, 4, 1f);
        }
        graph.output(x);
        return graph;
    }

    @Test
    void tooManyTasks() {
        assertThatThrownBy(clips(GPU.withBody(Body.PORTABLE), 257)::build)
                .isInstanceOf(GraphTooLargeException.class)
                .hasMessageContaining("task graph clips has 257 tasks, which is more than TornadoVM takes: at most 256")
                .hasMessageContaining("more expert ranks");
    }

    @Test
    void tooManyArrays() {
        KernelGraph graph = clips(GPU, 100);
        for (int i = 0; i < 300; i++) {
            graph.constant(new FloatArray(1));
        }

        // 2 for the graph, 2 per task, 3 for the context, 3 per array.
        assertThatThrownBy(graph::build)
                .isInstanceOf(GraphTooLargeException.class)
                .hasMessageContaining("with their 302 arrays they need 1111 nodes at least, of at most 1024");
    }

    @Test
    void theEmbeddedRuntimeHasNoSuchLimits() {
        assumeTrue(KernelTarget.detect(RowOps.device()).embedded(), "on TornadoVM");
        assertThatCode(clips(KernelTarget.embeddedDevice(), 300)::build).doesNotThrowAnyException();
    }

    /** As many tasks as the list has room for run, and one more is refused. */
    @Test
    void theListOfTasksIsUsedToTheEnd() throws Exception {
        KernelTarget target = KernelTarget.detect(RowOps.device());
        assumeFalse(target.embedded(), "needs TornadoVM");
        KernelTarget portable = target.withBody(Body.PORTABLE);
        int bytes = 15 + 5 * 4;
        int most = GraphLimits.TASK_LIST_BYTES / bytes;

        assertThat(most).isLessThan(GraphLimits.TASKS);
        assertThatThrownBy(clips(portable, most + 1)::build)
                .isInstanceOf(GraphTooLargeException.class)
                .hasMessageContaining("8192 bytes");
        x.init(1000f);
        try (TornadoExecutionPlan plan = new TornadoExecutionPlan(clips(portable, most).build())) {
            plan.withDevice(RowOps.device()).execute();
        }
        assertThat(x.get(0)).isEqualTo(1f);
    }
}
