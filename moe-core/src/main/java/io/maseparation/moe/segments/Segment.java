package io.maseparation.moe.segments;

import java.util.List;
import java.util.Optional;

/**
 * What a rank computes between two transfers: one task graph.
 *
 * @param name unique on its rank; a valid task graph name (letters, digits, underscore)
 * @param parts in order
 */
public record Segment(String name, List<Part> parts) {
    public Segment {
        parts = List.copyOf(parts);
    }

    /** The part that computes experts, if it has one: at most those of one layer. */
    public Optional<Part.Experts> experts() {
        return parts.stream().filter(Part.Experts.class::isInstance).map(Part.Experts.class::cast).findFirst();
    }
}
