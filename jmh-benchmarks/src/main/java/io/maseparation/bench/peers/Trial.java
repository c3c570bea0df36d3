package io.maseparation.bench.peers;

import io.maseparation.kernels.Body;
import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.operations.KernelGraph;
import io.maseparation.kernels.operations.KernelTarget;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import java.util.function.BiFunction;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.exceptions.TornadoExecutionPlanException;

/** This project's operation, executed as an application does, and the peers that were found to compute the same. */
final class Trial implements AutoCloseable {
    private final PeerCase made;
    private final TornadoExecutionPlan plan;

    /** Builds this project's operation, by its host body, and runs it once. */
    Trial(BiFunction<KernelGraph, Random, PeerCase> operation) {
        GridScheduler grid = new GridScheduler();
        KernelGraph graph = new KernelGraph("bench", KernelTarget.embeddedDevice().withBody(Body.HOST), grid);
        made = operation.apply(graph, new Random(1));
        plan = new TornadoExecutionPlan(graph.build());
        plan.execute();
    }

    /** Executes this project's operation. */
    Runnable ours() {
        return plan::execute;
    }

    /** What an execution has to move and to compute. */
    OpCost cost() {
        return made.cost();
    }

    /**
     * Builds a peer's operation, runs it and compares.
     *
     * @throws IllegalStateException if results differ by more than the tolerance, or the peer is not there
     * @throws UnsupportedOperationException if the peer has no such operation
     */
    Runnable checked(Peer peer) {
        Contender contender = made.peers().apply(peer);
        contender.run().run();
        double difference = difference(made.result().getSegment(), contender.result());
        if (!(difference <= made.tolerance())) {
            throw new IllegalStateException("results of %s are %.2g of ours apart (root mean square), more than %.2g"
                    .formatted(peer, difference, made.tolerance()));
        }
        return contender.run();
    }

    private static double difference(MemorySegment ours, MemorySegment theirs) {
        double differences = 0;
        double all = 0;
        for (long i = 0; i < theirs.byteSize() / Float.BYTES; i++) {
            double a = ours.getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, i);
            double b = theirs.getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, i);
            differences += (a - b) * (a - b);
            all += a * a;
        }
        return Math.sqrt(differences / all);
    }

    @Override
    public void close() throws TornadoExecutionPlanException {
        plan.close();
    }
}
