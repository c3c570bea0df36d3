package io.maseparation.moe.segments;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What a rank computes between two transfers: one task graph, where TornadoVM has room for it.
 *
 * @param name unique on its rank; a valid task graph name (letters, digits, underscore)
 * @param parts in order
 */
public record Segment(String name, List<Part> parts) {
    public Segment {
        parts = List.copyOf(parts);
    }

    /**
     * The part that computes experts, if it has one.
     *
     * @throws IllegalStateException if the segment has experts of several layers; see {@link #layers}
     */
    public Optional<Part.Experts> experts() {
        return parts.stream()
                .filter(Part.Experts.class::isInstance)
                .map(Part.Experts.class::cast)
                .reduce((one, other) -> {
                    throw new IllegalStateException("segment %s has experts of layers %d and %d"
                            .formatted(name, one.layer(), other.layer()));
                });
    }

    /**
     * The segment cut into segments of one layer each: itself, if it has no more than one. A cut is before a layer's
     * attention, where only the residual stream goes on; what comes before the first layer and after the last one stays
     * with that layer.
     */
    public List<Segment> layers() {
        return pieces(1);
    }

    /** The same with up to {@code layers} layers in each; the segment itself if it has no more. */
    List<Segment> pieces(int layers) {
        if (layerCount() <= layers) {
            return List.of(this);
        }
        List<Segment> pieces = new ArrayList<>();
        List<Part> piece = new ArrayList<>();
        int layer = 0;
        for (Part part : parts) {
            if (part instanceof Part.Attention) {
                if (layer > 0 && layer % layers == 0) {
                    pieces.add(piece(pieces.size(), piece));
                    piece.clear();
                }
                layer++;
            }
            piece.add(part);
        }
        pieces.add(piece(pieces.size(), piece));
        return pieces;
    }

    /** Layers whose attention begins in it. */
    int layerCount() {
        return Math.toIntExact(parts.stream().filter(Part.Attention.class::isInstance).count());
    }

    private Segment piece(int number, List<Part> of) {
        return new Segment(name + "_piece" + number, of);
    }
}
