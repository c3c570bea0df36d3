package io.maseparation.moe;

import static io.maseparation.moe.Complaints.assertComplains;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.maseparation.kernels.DeviceArrays;
import io.maseparation.kernels.LargePages;
import java.lang.ref.Reference;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

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

    /** Otherwise weights that are still being drawn count as free memory, and what is made beside them is too much. */
    @Test
    void whatArraysWillTakeIsNotFree() {
        assumeTrue(Files.isReadable(Path.of("/proc/self/status")));
        MemoryBudget.freeGarbage();
        long before = MemoryBudget.available();
        int elements = (int) Math.min(Integer.MAX_VALUE / 2, before / 2 / Float.BYTES);
        FloatArray held = DeviceArrays.floats(elements);
        long promised = 4L * elements;
        try {
            assumeTrue(LargePages.bytes() >= promised, "arrays come from arenas, which touch them");
            assertThat(before - MemoryBudget.available()).isGreaterThan(promised / 2);
            assertComplains(() -> MemoryBudget.require(before - promised / 4, "the cache", "use less"),
                    "not enough memory for the cache", "use less");
        } finally {
            Reference.reachabilityFence(held);
        }
    }

    @Test
    void arraysThatHaveTheirPagesAreNotCountedTwice() {
        assertThat(MemoryBudget.promised(18 * GIB, GIB, GIB)).isEqualTo(18 * GIB);
        assertThat(MemoryBudget.promised(18 * GIB, 11 * GIB, GIB)).isEqualTo(8 * GIB);
        assertThat(MemoryBudget.promised(18 * GIB, 25 * GIB, GIB)).isZero();
        assertThat(MemoryBudget.promised(18 * GIB, 0, GIB)).isEqualTo(18 * GIB);
    }

    @Test
    void arraysThatNobodyHasAreFreed() {
        MemoryBudget.freeGarbage();
        long before = LargePages.bytes();
        for (int i = 0; i < 8; i++) {
            Objects.requireNonNull(DeviceArrays.floats(1 << 24));
        }
        MemoryBudget.freeGarbage();
        assertThat(LargePages.bytes()).isLessThanOrEqualTo(before);
    }
}
