package io.maseparation.parallel.search;

import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.Presets;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.Clusters;
import io.maseparation.parallel.layout.CombineMode;
import io.maseparation.parallel.layout.Strategy;
import io.maseparation.parallel.simulate.Scenario;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** What a search says about the bits of a single device. */
class BitIdentityTest {
    /** Eight experts per row, so that most of what comes back can be summed. */
    private static final ModelConfig MODEL = Presets.config("olmoe-1b-7b");
    private static final Cluster CLUSTER = Clusters.named("a100x4");

    private static SearchResult search(LayoutFilter layouts) {
        return Planner.search(SearchRequest.of(MODEL, CLUSTER, Scenario.decode(512, 128)).with(layouts));
    }

    private static LayoutFilter separated(Set<CombineMode> modes) {
        return LayoutFilter.of(Strategy.MA).with(modes);
    }

    @Test
    void sumsAreSearchedOnlyWhereTheyAreAskedFor() {
        SearchResult identical = search(separated(EnumSet.of(CombineMode.EXPERTS)));
        SearchResult sums = search(separated(EnumSet.of(CombineMode.SUMS)));
        SearchResult any = search(separated(EnumSet.allOf(CombineMode.class)));

        assertThat(identical.best().layout().setup().layout().combine()).isEqualTo(CombineMode.EXPERTS);
        assertThat(sums.best().layout().setup().layout().combine()).isEqualTo(CombineMode.SUMS);
        assertThat(sums.best().score()).as("fewer bytes, less time").isLessThan(identical.best().score());
        assertThat(any.best().score()).isEqualTo(sums.best().score());
        assertThat(any.candidates()).isEqualTo(identical.candidates() + sums.candidates());
    }

    @Test
    void theCostIsThatOfTheBestPlanWithoutSplitSums() {
        for (CombineMode searched : CombineMode.values()) {
            SearchResult found = search(separated(EnumSet.of(searched)));
            BitIdentity bits = BitIdentity.of(found).orElseThrow();
            assertThat(bits.identical().layout().setup().layout().splitsSums()).isFalse();
            assertThat(bits.best().layout().setup().layout().combine()).isEqualTo(CombineMode.SUMS);
            assertThat(bits.cost()).isEqualTo(1 - bits.best().score() / bits.identical().score()).isBetween(0.001, 0.9);
            assertThat(bits.words()).contains(bits.identical().layout().setup().name(), "sums combined");
        }
    }

    @Test
    void nothingMoreIsSimulatedWhenTheTimeIsOver() {
        SearchResult found = search(separated(EnumSet.of(CombineMode.EXPERTS)));
        SearchResult late = new SearchResult(found.request().withDeadline(new Deadline(System.nanoTime() - 10, 1)),
                found.leaders(), found.candidates(), found.refused(), found.simulated(), found.untried());

        BitIdentity bits = BitIdentity.of(late).orElseThrow();
        assertThat(bits.untried()).isPositive();
        assertThat(bits.best()).isEqualTo(found.best());
        assertThat(Ranges.of(late, Optional.of(bits)).complete()).isFalse();
        assertThat(BitIdentity.of(found).orElseThrow().untried()).isZero();
        assertThat(Ranges.of(found, Optional.of(bits)).complete()).isTrue();
    }

    @Test
    void tensorParallelismAloneHasNoSuchBits() {
        SearchResult found = search(LayoutFilter.of(Strategy.TP_PP)
                .where(setup -> setup.layout().headSlices() == 4));
        assertThat(BitIdentity.of(found)).isEmpty();
    }
}
