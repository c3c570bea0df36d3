package io.maseparation.tornado.embedded;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import net.jqwik.api.Assume;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import uk.ac.manchester.tornado.api.types.BFloat16;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.BFloat16Array;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

class ArraysTest {
    @Test
    void aShallowArrayIsTheSegmentBehindItsHeader() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment segment = arena.allocate(16 + 12, 16);
            segment.set(ValueLayout.JAVA_FLOAT, 16 + 4, 2.5f);
            FloatArray array = FloatArray.fromSegmentShallow(segment);
            assertThat(array.getSize()).isEqualTo(3);
            assertThat(array.get(1)).isEqualTo(2.5f);
            array.set(2, 7);
            assertThat(segment.get(ValueLayout.JAVA_FLOAT, 16 + 8)).isEqualTo(7);
            assertThat(segment.get(ValueLayout.JAVA_INT, 0)).as("header").isEqualTo(3);
            assertThatThrownBy(() -> FloatArray.fromSegmentShallow(segment.asSlice(0, 27)))
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void sizesAndSegmentsAgree() {
        TornadoNativeArray[] arrays = {
            new FloatArray(5), new IntArray(5), new HalfFloatArray(5), new BFloat16Array(5), new ByteArray(5)
        };
        for (TornadoNativeArray array : arrays) {
            assertThat(array.getSize()).isEqualTo(5);
            assertThat(array.getNumBytesOfSegment()).isEqualTo(5L * array.getElementSize());
            assertThat(array.getSegment().byteSize()).isEqualTo(array.getNumBytesOfSegment());
            assertThat(array.getNumBytesOfSegmentWithHeader()).isEqualTo(array.getNumBytesOfSegment() + 16);
        }
    }

    @Test
    void halfPrecisionIsExactForEveryPattern() {
        HalfFloatArray array = new HalfFloatArray(1);
        for (int bits = 0; bits < 65536; bits++) {
            array.set(0, new HalfFloat((short) bits));
            assertThat(Float.floatToRawIntBits(array.get(0).getFloat32()))
                    .isEqualTo(Float.floatToRawIntBits(Float.float16ToFloat((short) bits)));
        }
    }

    @Property
    void bfloat16IsTheNearest(@ForAll float value) {
        BFloat16Array array = BFloat16Array.fromFloats(value);
        float rounded = array.getFloat(0);
        // Beyond the largest bfloat16 the nearest is, by convention, infinity.
        Assume.that(Float.isFinite(rounded));
        for (int neighbour = -1; neighbour <= 1; neighbour += 2) {
            float other = BFloat16.bf16ToFloat((short) (array.get(0) + neighbour));
            // The pattern before zero and that after the largest value are no numbers.
            if (Float.isFinite(other)) {
                assertThat(Math.abs((double) rounded - value)).isLessThanOrEqualTo(Math.abs((double) other - value));
            }
        }
        assertThat(BFloat16.bf16FromFloat(rounded)).isEqualTo(array.get(0));
    }

    @Test
    void bfloat16KeepsNotANumber() {
        assertThat(BFloat16.bf16ToFloat(BFloat16.bf16FromFloat(Float.intBitsToFloat(0x7f800001))))
                .isNaN();
    }
}
