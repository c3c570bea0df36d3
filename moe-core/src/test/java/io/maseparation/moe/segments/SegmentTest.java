package io.maseparation.moe.segments;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class SegmentTest {
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
        return new Segment("layers", parts);
    }

    @Test
    void whatFitsStaysWhole() {
        Segment segment = whole(4);
        assertThat(segment.pieces(4)).containsExactly(segment);
        assertThat(whole(1).layers()).containsExactly(whole(1));
    }

    @Test
    void piecesAreTheSegmentInOrderAndEachBeginsWithALayer() {
        Segment segment = whole(32);
        List<Segment> pieces = segment.pieces(5);

        assertThat(pieces).hasSize(7);
        assertThat(pieces.stream().flatMap(p -> p.parts().stream())).containsExactlyElementsOf(segment.parts());
        assertThat(pieces.stream().map(Segment::name)).doesNotHaveDuplicates();
        assertThat(pieces.subList(1, pieces.size()))
                .allMatch(p -> p.parts().getFirst() instanceof Part.Attention)
                .allMatch(p -> p.layerCount() <= 5);
    }

    @Test
    void everyLayerHasItsOwnExperts() {
        assertThat(whole(3).layers().stream().map(layer -> layer.experts().orElseThrow().layer()))
                .containsExactly(0, 1, 2);
        assertThatThrownBy(() -> whole(3).experts())
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("segment layers has experts of layers 0 and 1");
    }

    @Test
    void aLayerIsNeverCut() {
        Segment experts = new Segment("experts3", List.of(new Part.Experts(3, true, false)));
        assertThat(experts.layers()).containsExactly(experts);
        Segment between = new Segment("attention3", List.of(
                new Part.Combine(2, true, false), new Part.Attention(3), new Part.Route(3, true, false)));
        assertThat(between.layers()).containsExactly(between);
    }
}
