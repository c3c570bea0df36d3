package io.maseparation.moe;

import static io.maseparation.moe.Complaints.assertComplains;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class MemoryBudgetTest {
    private static final long GIB = 1L << 30;

    @Test
    void namesNeedFreeMemoryAndWhatLowersTheNeed() {
        assertComplains(
                () -> MemoryBudget.require(17 * GIB, "the KV cache", "lower --max-tokens", 12 * GIB + GIB / 10,
                        99 * GIB, 0),
                "not enough memory for the KV cache: it needs 17.0 GiB, 12.1 GiB are free; lower --max-tokens");
    }

    @Test
    void namesTheJvmsFlagWhereThatIsTheLimit() {
        assertComplains(
                () -> MemoryBudget.require(17 * GIB, "weights", "use less", 32 * GIB, 6 * GIB, GIB),
                "it needs 17.0 GiB outside the heap, the JVM allows 5.0 GiB more", "-XX:MaxDirectMemorySize=20g");
    }

    @Test
    void allowsWhatFits() {
        MemoryBudget.require(GIB, "a", "b", GIB, GIB, 0);
        MemoryBudget.require(1, "a byte", "nothing");
        assertThat(MemoryBudget.available()).isBetween(1L << 20, 1L << 50);
        assertThat(MemoryBudget.directLimit()).isPositive();
    }
}
