package io.maseparation.moe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

class ModelWeightsTest {
    private static final ModelWeights MADE = RandomWeights.create(Presets.config("tiny"), 1);

    private static final List<Function<ModelWeights, Object>> ARRAYS = List.of(
            ModelWeights::embedding, ModelWeights::layers, ModelWeights::finalNorm, ModelWeights::output);

    @Test
    void whoeverAsksForArraysWaitsUntilTheyAreFilled() throws Exception {
        for (Function<ModelWeights, Object> array : ARRAYS) {
            CompletableFuture<Void> making = new CompletableFuture<>();
            ModelWeights weights = MADE.whenEnds(making, () -> {});
            CompletableFuture<Object> asked = CompletableFuture.supplyAsync(() -> array.apply(weights));
            assertThat(array.apply(weights.whileBeingMade())).isSameAs(array.apply(MADE));
            assertThat(asked).isNotDone();
            making.complete(null);
            assertThat(asked.get(30, TimeUnit.SECONDS)).isSameAs(array.apply(MADE));
        }
    }

    @Test
    void whatMakingThemFailedWithReachesAll() {
        ModelWeights weights = MADE.whenEnds(
                CompletableFuture.failedFuture(new IllegalStateException("full")),
                () -> {});
        for (Function<ModelWeights, Object> array : ARRAYS) {
            assertThatThrownBy(() -> array.apply(weights)).isInstanceOf(IllegalStateException.class).hasMessage("full");
        }
        assertThatThrownBy(weights.whileBeingMade()::awaitMade).hasMessage("full");
    }

    @Test
    void weightsThatNobodyWantsAreNotMadeToTheEnd() {
        CompletableFuture<Void> making = new CompletableFuture<>();
        ModelWeights weights =
                MADE.whenEnds(making, () -> making.completeExceptionally(new IllegalStateException("Already closed")));
        weights.abandon();
        assertThatThrownBy(weights::embedding).isInstanceOf(IllegalStateException.class).hasMessage("Already closed");
        // Those that were made stay.
        MADE.abandon();
    }
}
