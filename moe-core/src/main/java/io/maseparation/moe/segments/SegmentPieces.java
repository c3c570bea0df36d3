package io.maseparation.moe.segments;

import java.util.ArrayList;
import java.util.List;

/**
 * Cuts a segment of many layers into several, each for a task graph that TornadoVM has room for. A cut is before a
 * layer's attention, where only the residual stream goes on, which all graphs of a rank hand to each other.
 */
final class SegmentPieces {
    /**
     * Tasks of a graph, unless one layer has more. They take half to nine tenths of what a graph has room for,
     * depending on how many arguments they have.
     */
    static final int TASKS = 56;

    private SegmentPieces() {}

    /**
     * The segment itself, or pieces to be run one after the other.
     *
     * @param tasks tasks of the whole segment
     */
    static List<Segment> of(Segment segment, int tasks) {
        long layers = segment.parts().stream().filter(SegmentPieces::isCut).count();
        if (tasks <= TASKS || layers < 2) {
            return List.of(segment);
        }
        long layersOfPiece = Math.max(1, layers * TASKS / tasks);
        List<Segment> pieces = new ArrayList<>();
        List<Part> parts = new ArrayList<>();
        int layer = 0;
        for (Part part : segment.parts()) {
            if (isCut(part)) {
                if (layer > 0 && layer % layersOfPiece == 0) {
                    pieces.add(piece(segment, pieces.size(), parts));
                    parts.clear();
                }
                layer++;
            }
            parts.add(part);
        }
        pieces.add(piece(segment, pieces.size(), parts));
        return pieces;
    }

    private static boolean isCut(Part part) {
        return part instanceof Part.Attention;
    }

    private static Segment piece(Segment segment, int number, List<Part> parts) {
        return new Segment(segment.name() + "_piece" + number, parts);
    }
}
