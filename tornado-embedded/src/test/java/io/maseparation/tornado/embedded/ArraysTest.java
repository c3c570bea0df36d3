package io.maseparation.tornado.embedded;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.FloatBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import net.jqwik.api.Assume;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
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
            assertThat(array.getSegment().address() % 64).as("elements begin at a cache line").isZero();
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
            // The pattern before zero and the one after the largest value are not numbers.
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

    @Property
    void bfloat16GoesFromHalfwayAwayFromZero(@ForAll short pattern) {
        float low = BFloat16.bf16ToFloat(pattern);
        float halfway = Float.intBitsToFloat((pattern << 16) | 0x8000);
        Assume.that(Float.isFinite(low) && Float.isFinite(halfway));
        assertThat(BFloat16.bf16FromFloat(halfway)).isEqualTo((short) (pattern + 1));
    }

    @Property
    void whatGoesInComesOut(@ForAll float[] floats, @ForAll int[] ints, @ForAll byte[] bytes, @ForAll short[] shorts) {
        assertThat(FloatArray.fromArray(floats).toHeapArray()).isEqualTo(floats);
        assertThat(FloatArray.fromFloatBuffer(FloatBuffer.wrap(floats)).toHeapArray()).isEqualTo(floats);
        assertThat(IntArray.fromElements(ints).toHeapArray()).isEqualTo(ints);
        assertThat(ByteArray.fromArray(bytes).toHeapArray()).isEqualTo(bytes);
        assertThat(BFloat16Array.fromShorts(shorts).toShortArray()).isEqualTo(shorts);
        HalfFloatArray halves = new HalfFloatArray(shorts.length);
        for (int i = 0; i < shorts.length; i++) {
            halves.set(i, new HalfFloat(shorts[i]));
        }
        assertThat(HalfFloatArray.fromArray(halves.toHeapArray()).toShortArray()).isEqualTo(shorts);
        assertThat(HalfFloatArray.fromSegment(halves.getSegment()).toShortArray()).isEqualTo(shorts);
    }

    @Test
    void slicesAndConcatenationsAreCopies() {
        IntArray array = IntArray.fromElements(1, 2, 3, 4);
        IntArray slice = array.slice(1, 2);
        array.set(1, 9);
        assertThat(slice.toHeapArray()).containsExactly(2, 3);
        assertThat(IntArray.concat(slice, array).toHeapArray()).containsExactly(2, 3, 1, 9, 3, 4);
        assertThatThrownBy(() -> array.slice(3, 2)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> array.slice(Integer.MAX_VALUE, 1)).isInstanceOf(IllegalArgumentException.class);
        array.clear();
        assertThat(array.toHeapArray()).containsOnly(0);
        IntArray.initialize(array, 7);
        assertThat(array.toHeapArray()).containsOnly(7);
    }

    @Test
    void anIndexOutsideIsAnErrorAndNeverTheHeader() {
        FloatArray array = new FloatArray(3);
        for (int index : new int[] {-5, -1, 3, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
            assertThatThrownBy(() -> array.get(index)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> array.set(index, 1)).isInstanceOf(IndexOutOfBoundsException.class);
        }
        assertThatThrownBy(() -> new FloatArray(-1)).isInstanceOf(IllegalArgumentException.class);
        assertThat(new FloatArray(0).getSize()).isZero();
    }

    @Test
    void bytesHoldHalves() {
        ByteArray array = new ByteArray(4);
        array.setHalfFloat(2, new HalfFloat(1.5f));
        assertThat(array.getHalfFloat(2).getFloat32()).isEqualTo(1.5f);
        assertThat(array.get(0)).isZero();
        assertThatThrownBy(() -> array.getHalfFloat(1)).isInstanceOf(IllegalArgumentException.class);
    }

    /** The file is sparse: only the pages touched take room. */
    @Test
    void moreThanTwoGibibytesHaveIntIndices(@TempDir Path folder) throws Exception {
        int size = 1_100_000_000;
        try (Arena arena = Arena.ofShared();
                FileChannel file = FileChannel.open(
                        folder.resolve("sparse"), StandardOpenOption.CREATE, StandardOpenOption.READ,
                        StandardOpenOption.WRITE)) {
            HalfFloatArray array = HalfFloatArray.fromSegmentShallow(
                    file.map(FileChannel.MapMode.READ_WRITE, 0, 16 + 2L * size, arena));
            array.set(size - 1, new HalfFloat(3));
            assertThat(array.getSize()).isEqualTo(size);
            assertThat(array.get(size - 1).getFloat32()).isEqualTo(3);
            assertThat(array.get(0).getFloat32()).isZero();
            assertThat(array.getNumBytesOfSegment()).isEqualTo(2_200_000_000L);
        }
    }
}
