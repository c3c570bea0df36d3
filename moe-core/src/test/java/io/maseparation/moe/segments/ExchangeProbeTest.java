package io.maseparation.moe.segments;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

/** Without a library, which no device of the embedded runtime has. */
class ExchangeProbeTest {
    private static final ExchangeProbe.Members MEMBERS = new ExchangeProbe.Members(1, 3, 700);

    @Test
    void whatGoesThroughTheHostComes() {
        try (ExchangeProbe probe =
                new ExchangeProbe(Device.all().getFirst(), MEMBERS, ExchangeProbe.Way.HOST, false)) {
            assertThat(probe.run()).isPositive();
        }
    }

    @Test
    void tasksOfLibrariesAreForTornadoVm() {
        ExchangeProbe.Way library = new ExchangeProbe.Way("a/library", "function", false, 1);
        assertThatThrownBy(() -> new ExchangeProbe(Device.all().getFirst(), MEMBERS, library, false))
                .isInstanceOf(LinkageError.class)
                .hasMessageContaining("CUDA backend");
    }
}
