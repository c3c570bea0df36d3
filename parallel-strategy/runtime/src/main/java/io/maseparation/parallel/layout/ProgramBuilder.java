package io.maseparation.parallel.layout;

import io.maseparation.moe.segments.Part;
import io.maseparation.moe.segments.Segment;
import java.util.ArrayList;
import java.util.List;

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

    /** Ends the segment and adds the operation that runs it. */
    void compute(String name) {
        segments.add(new Segment(name, parts));
        ops.add(new Op.Compute(name));
        parts.clear();
    }
}
