package io.maseparation.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
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
    @EnabledOnOs(OS.LINUX)
    void thoseOfAMemoryAreGivenBackWhenItIsClosedOrCannotBeMade() {
        long before = LargePages.bytes();
        ArrayMemory memory = new ArrayMemory();
        FloatArray large = memory.make(() -> DeviceArrays.floats(ELEMENTS));
        FloatArray small = memory.make(() -> DeviceArrays.copyOf(1f, 2f));
        long within = LargePages.bytes();
        large.set(ELEMENTS - 1, small.get(1));
        memory.close();
        memory.close();
        // Other tests' arrays may be given back meanwhile.
        assertThat(LargePages.bytes()).isLessThanOrEqualTo(within - 4L * ELEMENTS).isLessThanOrEqualTo(before);
        for (FloatArray array : new FloatArray[] {large, small}) {
            assertThatThrownBy(() -> array.get(0)).isInstanceOf(IllegalStateException.class);
        }

        ArrayMemory fails = new ArrayMemory();
        assertThatThrownBy(() -> fails.make(() -> {
            DeviceArrays.floats(ELEMENTS);
            throw new IllegalArgumentException("planted");
        })).hasMessage("planted");
        assertThat(LargePages.bytes()).isLessThanOrEqualTo(before);
    }

    @Test
    void smallOnesComeFromArenas() {
        assertThat(LargePages.allocate(LargePages.LEAST - 1, Arena.ofAuto())).isEmpty();
    }
}
