package io.maseparation.parallel.layout;

import io.maseparation.moe.segments.Part;
import io.maseparation.moe.segments.Segment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** A rank's program under construction: gathers parts until a transfer ends a segment. */
final class ProgramBuilder {
    final List<Segment> segments = new ArrayList<>();
    final List<Op> ops = new ArrayList<>();
    private final List<Part> parts = new ArrayList<>();

    /** Adds a part to the segment being gathered. */
    void part(Part part) {
        parts.add(part);
    }

    /** Adds an operation that moves data. */
    void op(Op op) {
        ops.add(op);
    }

    /**
     * Adds what brings rows, or their sums, from a rank of experts to its peers in its node and from them to it.
     *
     * @param peers empty where no rows cross to nodes once; a rank that has none still unpacks what it was sent for its
     *     node, as if it had received nothing from them
     */
    void exchange(Optional<List<Integer>> peers, Tensor tensor, int layer) {
        peers.ifPresent(these -> {
            if (!these.isEmpty()) {
                op(new Op.Send(these, tensor, layer));
            }
            op(new Op.Recv(these, tensor, layer));
        });
    }

    /** Ends the segment and adds the operation that runs it. */
    void compute(String name) {
        segments.add(new Segment(name, parts));
        ops.add(new Op.Compute(name));
        parts.clear();
    }
}
