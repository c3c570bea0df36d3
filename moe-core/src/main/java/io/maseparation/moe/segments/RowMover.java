package io.maseparation.moe.segments;

import io.maseparation.kernels.operations.KernelGraph;
import io.maseparation.kernels.operations.PartialInput;
import io.maseparation.kernels.operations.RowTransfer;
import java.util.ArrayList;
import java.util.List;
import uk.ac.manchester.tornado.api.DataRange;
import uk.ac.manchester.tornado.api.ImmutableTaskGraph;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.TornadoExecutionResult;
import uk.ac.manchester.tornado.api.common.TornadoDevice;

/** Moves the rows of a step between host and device, before and after a graph of a rank. */
final class RowMover {
    private final List<Input> inputs = new ArrayList<>();
    private final List<RowTransfer> outputs;

    private record Input(RowTransfer rows, PartialInput way) {}

    /**
     * @param graph the graph under construction, for what it needs
     * @param built the finished graph
     * @param plan the plan it is part of
     * @param device the plan's device
     */
    RowMover(KernelGraph graph, ImmutableTaskGraph built, TornadoExecutionPlan plan, TornadoDevice device) {
        graph.rowInputs().forEach(rows -> inputs.add(
                new Input(rows, new PartialInput(built, plan, device, rows.array()))));
        outputs = graph.rowOutputs();
    }

    /** Whether the device has room for what goes there: otherwise the graph has to run first, on no rows. */
    boolean ready() {
        return inputs.stream().allMatch(input -> input.way().ready());
    }

    /** Takes rows to the device, and those before them: where its buffers begin, transfers do. */
    void send() {
        for (Input input : inputs) {
            if (input.rows().size() > 0) {
                input.way().send(input.rows().from() + input.rows().size());
            }
        }
    }

    /** Brings rows to the host. */
    void fetch(TornadoExecutionResult result) {
        for (RowTransfer rows : outputs) {
            // A range of no elements would be the whole array.
            if (rows.size() > 0) {
                result.transferToHost(new DataRange(rows.array()).withOffset(rows.from()).withSize(rows.size()));
            }
        }
    }

    /** Bytes that go there and back for the rows of the step as it is now. */
    long bytes() {
        long elements = 0;
        for (Input input : inputs) {
            elements += input.rows().size() > 0 ? input.rows().from() + input.rows().size() : 0;
        }
        for (RowTransfer rows : outputs) {
            elements += rows.size();
        }
        return Float.BYTES * elements;
    }
}
