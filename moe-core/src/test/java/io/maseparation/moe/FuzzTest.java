package io.maseparation.moe;

import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.moe.testing.Fuzz;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** What the fuzz tests measure memory with sees memory of every kind. */
class FuzzTest {
    private static final int MUCH = 96 << 20;

    @Test
    void memoryOfEveryKindIsSeen() {
        assertThat(Fuzz.allocated(() -> {})).isLessThan(Fuzz.MOST_BYTES / 8);
        assertThat(Fuzz.allocated(() -> assertThat(new byte[MUCH]).isNotNull())).isGreaterThan(Fuzz.MOST_BYTES);
        assertThat(Fuzz.allocated(
                () -> CompletableFuture.runAsync(() -> assertThat(new byte[MUCH]).isNotNull()).join()))
                .isGreaterThan(Fuzz.MOST_BYTES);
        assertThat(Fuzz.allocated(() -> assertThat(ByteBuffer.allocateDirect(MUCH).capacity()).isEqualTo(MUCH)))
                .isGreaterThan(Fuzz.MOST_BYTES);
        assertThat(Fuzz.allocated(() -> assertThat(Arena.ofAuto().allocate(MUCH).byteSize()).isEqualTo(MUCH)))
                .isGreaterThan(Fuzz.MOST_BYTES);
    }
}
