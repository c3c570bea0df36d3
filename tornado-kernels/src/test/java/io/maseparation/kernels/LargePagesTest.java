package io.maseparation.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

class LargePagesTest {
    private static final int ELEMENTS = 3_000_001;

    @Test
    @EnabledOnOs(OS.LINUX)
    void largeArraysAreZerosOfTheirOwnAndAreGivenBack() {
        long before = LargePages.bytes();
        useTwo();

        // What the collector finds unreachable is freed by a thread of its own, soon after.
        for (int i = 0; i < 100 && LargePages.bytes() > before; i++) {
            System.gc();
            LockSupport.parkNanos(20_000_000);
        }
        assertThat(LargePages.bytes()).isLessThanOrEqualTo(before);
    }

    private static void useTwo() {
        FloatArray one = DeviceArrays.floats(ELEMENTS);
        FloatArray other = DeviceArrays.floats(ELEMENTS);
        assertThat(LargePages.bytes()).isGreaterThanOrEqualTo(8L * ELEMENTS);
        for (int i = 0; i < ELEMENTS; i++) {
            one.set(i, i);
        }
        for (int i : new int[] {0, 1, 524_287, 524_288, ELEMENTS - 1}) {
            assertThat(one.get(i)).isEqualTo(i);
            assertThat(other.get(i)).isZero();
        }
        assertThat(one.getSize()).isEqualTo(ELEMENTS);
        assertThat(one.getSegment().address() % 64).isZero();
    }

    @Test
    void smallOnesComeFromArenas() {
        assertThat(LargePages.allocate(LargePages.LEAST - 1)).isEmpty();
    }
}
