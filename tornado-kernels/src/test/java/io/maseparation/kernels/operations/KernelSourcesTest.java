package io.maseparation.kernels.operations;

import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.kernels.DeviceArrays;
import java.lang.reflect.Method;
import org.junit.jupiter.api.Test;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.WorkerGrid;
import uk.ac.manchester.tornado.api.WorkerGrid1D;
import uk.ac.manchester.tornado.api.types.HalfFloat;

/** Tasks share a kernel's code where it is the same, and only there. */
class KernelSourcesTest {
    private static final WorkerGrid GRID = grid(256);

    @Test
    void layersThatDifferInTheirArraysShareCode() {
        Object kind = kind(GRID, new KernelContext(), DeviceArrays.floats(8), 3, 0.5f);
        assertThat(kind).isNotNull()
                .isEqualTo(kind(grid(512), new KernelContext(), DeviceArrays.floats(16), 3, 0.5f));
    }

    @Test
    void numbersAreConstantsOfTheCode() {
        Object kind = kind(GRID, new KernelContext(), DeviceArrays.floats(8), 3, 0.5f);
        assertThat(kind)
                .isNotEqualTo(kind(GRID, new KernelContext(), DeviceArrays.floats(8), 4, 0.5f))
                .isNotEqualTo(kind(GRID, new KernelContext(), DeviceArrays.floats(8), 3, 0.25f))
                .isNotEqualTo(kind(GRID, new KernelContext(), DeviceArrays.floats(8), 3L, 0.5f));
        assertThat(kind(GRID, true)).isNotEqualTo(kind(GRID, false));
    }

    @Test
    void typesOfArraysAreInTheCode() {
        assertThat(kind(GRID, DeviceArrays.floats(8))).isNotEqualTo(kind(GRID, DeviceArrays.ints(8)));
    }

    @Test
    void anotherKernelHasOtherCode() throws ReflectiveOperationException {
        assertThat(kind(Math.class.getMethod("abs", int.class), GRID, 1))
                .isNotEqualTo(kind(Math.class.getMethod("abs", long.class), GRID, 1));
    }

    @Test
    void aSingleWorkItemHasCodeOfItsOwn() {
        assertThat(kind(GRID, 1)).isNotEqualTo(kind(grid(1), 1));
    }

    @Test
    void whatIsNotKnownIsNotShared() {
        assertThat(kind(null, 1)).as("without a worker grid").isNull();
        assertThat(kind(GRID, new HalfFloat(1f))).as("with a number of TornadoVM's").isNull();
    }

    private static Object kind(WorkerGrid grid, Object... arguments) {
        try {
            return kind(KernelSourcesTest.class.getDeclaredMethod("whatIsNotKnownIsNotShared"), grid, arguments);
        } catch (NoSuchMethodException e) {
            throw new AssertionError(e);
        }
    }

    private static Object kind(Method method, WorkerGrid grid, Object... arguments) {
        return KernelSources.Kind.of(new TaskInside("graph.task", new Object(), method, arguments), grid);
    }

    private static WorkerGrid grid(int items) {
        WorkerGrid1D grid = new WorkerGrid1D(items);
        grid.setLocalWork(Math.min(items, 256), 1, 1);
        return grid;
    }
}
