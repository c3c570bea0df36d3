package io.maseparation.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

class DeviceArraysTest {
    private static final long PAGE = 4096;

    @Test
    void noTwoArraysShareAPage() {
        List<TornadoNativeArray> arrays = new ArrayList<>();
        for (int n = 0; n < 40; n++) {
            arrays.add(DeviceArrays.floats(n));
            arrays.add(DeviceArrays.ints(1000 + n));
            arrays.add(DeviceArrays.halves(2000 + 31 * n));
        }
        List<Long> pages = new ArrayList<>();
        for (TornadoNativeArray array : arrays) {
            long first = array.getSegmentWithHeader().address() / PAGE;
            long last = (array.getSegmentWithHeader().address() + array.getNumBytesOfSegmentWithHeader() - 1) / PAGE;
            for (long page = first; page <= last; page++) {
                pages.add(page);
            }
        }

        assertThat(pages).doesNotHaveDuplicates();
    }

    @Test
    void arraysHoldZerosOrWhatTheyAreMadeOf() {
        FloatArray floats = DeviceArrays.copyOf(1.5f, -2f);
        IntArray ints = DeviceArrays.copyOf(3, 4, 5);

        assertThat(floats.toHeapArray()).containsExactly(1.5f, -2f);
        assertThat(ints.toHeapArray()).containsExactly(3, 4, 5);
        assertThat(DeviceArrays.floats(3).toHeapArray()).containsOnly(0f);
        assertThat(DeviceArrays.halves(7).getSize()).isEqualTo(7);
        assertThatThrownBy(() -> DeviceArrays.ints(-1)).isInstanceOf(IllegalArgumentException.class);
    }
}
