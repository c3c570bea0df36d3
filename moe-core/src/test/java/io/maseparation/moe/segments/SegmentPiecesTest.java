package io.maseparation.moe.segments;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class SegmentPiecesTest {
    private static Segment whole(int layers) {
        List<Part> parts = new ArrayList<>(List.of(new Part.Embed()));
        for (int layer = 0; layer < layers; layer++) {
            parts.addAll(List.of(
                    new Part.Attention(layer),
                    new Part.Route(layer, false, false),
                    new Part.Experts(layer, false, false),
                    new Part.Combine(layer, false, false)));
        }
        parts.add(new Part.Output());
        return new Segment("layer0", parts);
    }

    @Test
    void whatFitsStaysWhole() {
        Segment segment = whole(4);
        assertThat(SegmentPieces.of(segment, SegmentPieces.TASKS)).containsExactly(segment);
    }

    @Test
    void piecesAreTheSegmentInOrderAndEachBeginsWithALayer() {
        Segment segment = whole(32);
        // 12 tasks per layer, and 5 around them.
        List<Segment> pieces = SegmentPieces.of(segment, 12 * 32 + 5);

        assertThat(pieces).hasSize(8);
        assertThat(pieces.stream().flatMap(p -> p.parts().stream())).containsExactlyElementsOf(segment.parts());
        assertThat(pieces.stream().map(Segment::name)).doesNotHaveDuplicates();
        assertThat(pieces.subList(1, pieces.size()))
                .allMatch(p -> p.parts().getFirst() instanceof Part.Attention)
                .allMatch(p -> p.parts().stream().filter(Part.Attention.class::isInstance).count() == 4);
    }

    @Test
    void aLayerIsNeverCut() {
        assertThat(SegmentPieces.of(whole(3), 3 * 140)).hasSize(3);
        Segment one = whole(1);
        assertThat(SegmentPieces.of(one, 140)).containsExactly(one);
        Segment experts = new Segment("experts3", List.of(new Part.Experts(3, true, false)));
        assertThat(SegmentPieces.of(experts, 128)).containsExactly(experts);
    }
}
