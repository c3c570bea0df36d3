package io.maseparation.moe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.maseparation.kernels.DataType;
import io.maseparation.kernels.DeviceArrays;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.DoubleSummaryStatistics;
import java.util.stream.LongStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class UniformValuesTest {
    private static final double DEVIATION = 0.5;

    /** Wherever a piece begins and ends, an element is the same, and the elements beside the piece stay. */
    @Property(tries = 200)
    void anElementIsItsPlaceInTheStream(
            @ForAll DataType type, @ForAll long key, @ForAll @IntRange(max = 30) int at,
            @ForAll @IntRange(max = 20) int quarter, @ForAll @IntRange(max = 60) int count) {
        UniformValues values = UniformValues.of(type, DEVIATION);
        MemorySegment data = DeviceArrays.of(type, 100).getSegment();

        values.fill(data, at, key, 4L * quarter, 4L * quarter + count);

        for (int i = 0; i < 100; i++) {
            boolean inside = i >= at && i < at + count;
            assertThat(element(type, data, i)).isEqualTo(inside ? values.get(key, 4L * quarter + i - at) : 0);
        }
    }

    private static float element(DataType type, MemorySegment data, int i) {
        return switch (type) {
            case F32 -> data.getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, i);
            case F16 -> Float.float16ToFloat(data.getAtIndex(ValueLayout.JAVA_SHORT_UNALIGNED, i));
            case BF16 -> Float.intBitsToFloat(data.getAtIndex(ValueLayout.JAVA_SHORT_UNALIGNED, i) << 16);
        };
    }

    @ParameterizedTest
    @EnumSource
    void meanAndDeviationAreAsAsked(DataType type) {
        UniformValues values = UniformValues.of(type, DEVIATION);
        double[] drawn = LongStream.range(0, 100_000).mapToDouble(i -> values.get(7, i)).toArray();
        DoubleSummaryStatistics all = java.util.Arrays.stream(drawn).summaryStatistics();
        double squares = java.util.Arrays.stream(drawn).map(x -> x * x).sum();

        assertThat(all.getAverage()).isCloseTo(0, within(0.01));
        assertThat(Math.sqrt(squares / drawn.length)).isCloseTo(DEVIATION, within(0.005));
        assertThat(all.getMax()).isCloseTo(Math.sqrt(3) * DEVIATION, within(0.01));
        assertThat(all.getMin()).isCloseTo(-Math.sqrt(3) * DEVIATION, within(0.01));
    }
}
