package io.maseparation.kernels.host;

import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.kernels.KvCache;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

class HalfHeadsTest {
    private static final int HEADS = 2;
    private static final int COLUMNS = HalfHeads.COLUMNS;

    /** The blocks are used from the last to the first, which ends where the arrays do. */
    @ParameterizedTest
    @CsvSource({"1,0", "64,0", "150,0", "150,37", "640,0", "640,129"})
    void halvesGiveTheBitsOfTheSameNumbersInAnFp32Cache(int context, int window) {
        Random random = new Random(context + window);
        int blocks = KvCache.blocks(context);
        int size = blocks * HEADS * KvCache.BLOCK * COLUMNS;
        HalfFloatArray[] halves = {new HalfFloatArray(size), new HalfFloatArray(size)};
        FloatArray[] floats = {new FloatArray(size), new FloatArray(size)};
        for (int a = 0; a < 2; a++) {
            for (int i = 0; i < size; i++) {
                // Now and then a subnormal one.
                float v = (float) random.nextGaussian() * (random.nextInt(8) == 0 ? 0x1p-16f : 1);
                short half = Float.floatToFloat16(v);
                halves[a].set(i, new HalfFloat(half));
                floats[a].set(i, Float.float16ToFloat(half));
            }
        }
        FloatArray qkv = new FloatArray(3 * HEADS * COLUMNS);
        for (int i = 0; i < qkv.getSize(); i++) {
            qkv.set(i, (float) random.nextGaussian());
        }
        IntArray rowInfo = new IntArray(3 + blocks);
        rowInfo.set(0, context - 1);
        rowInfo.set(1, 3);
        for (int b = 0; b < blocks; b++) {
            rowInfo.set(3 + b, blocks - 1 - b);
        }
        IntArray step = IntArray.fromElements(0, 1, 0);
        FloatArray actual = new FloatArray(HEADS * COLUMNS);
        FloatArray expected = new FloatArray(HEADS * COLUMNS);
        AttentionHost.decodeF16(
                step, qkv, rowInfo, halves[0], halves[1], actual, HEADS, HEADS, 0, HEADS, COLUMNS, 0.1f, window);
        AttentionHost.decodeF32(
                step, qkv, rowInfo, floats[0], floats[1], expected, HEADS, HEADS, 0, HEADS, COLUMNS, 0.1f, window);
        for (int i = 0; i < expected.getSize(); i++) {
            assertThat(Float.floatToRawIntBits(actual.get(i)))
                    .as("element " + i)
                    .isEqualTo(Float.floatToRawIntBits(expected.get(i)));
        }
    }
}
