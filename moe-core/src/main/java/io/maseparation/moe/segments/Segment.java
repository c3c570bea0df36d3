package io.maseparation.moe.segments;

import java.util.List;

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
}
