package io.maseparation.kernels.gpu;

import static io.maseparation.kernels.KvCache.BLOCK;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Gpu bodies of {@code PrefillAttention}: one work-group per tile of rows and head; keys and then values of a tile of
 * positions stand in local memory once for all rows of the tile.
 */
public final class PrefillGpu {
    /** Threads of a work-group. */
    public static final int GROUP = 128;

    private PrefillGpu() {}

    /** Rows of a tile, so that local memory stays under 48 KiB up to 256 columns. */
    public static int tileRows(int headDim) {
        return headDim <= 128 ? 16 : 8;
    }

    /** Positions of a tile; blocks of the cache are multiples. */
    public static int tilePositions(int headDim) {
        return headDim <= 128 ? 32 : 16;
    }

    /** Cache of fp32. */
    public static void f32(
            KernelContext context,
            IntArray step,
            FloatArray qkv,
            IntArray rowInfo,
            FloatArray kCache,
            FloatArray vCache,
            FloatArray out,
            int heads,
            int kvHeads,
            int firstHead,
            int ownHeads,
            int headDim,
            float scale,
            int window,
            int tileRows,
            int tilePositions) {
        int tid = context.localIdx;
        // One more element per row keeps the threads of a warp in different banks.
        int stride = headDim + 1;
        float[] query = context.allocateFloatLocalArray(tileRows * stride);
        float[] cached = context.allocateFloatLocalArray(tilePositions * stride);
        float[] sums = context.allocateFloatLocalArray(tileRows * headDim);
        float[] weights = context.allocateFloatLocalArray(tileRows * tilePositions);
        float[] highest = context.allocateFloatLocalArray(tileRows);
        float[] total = context.allocateFloatLocalArray(tileRows);
        float[] correction = context.allocateFloatLocalArray(tileRows);
        int[] low = context.allocateIntLocalArray(tileRows);
        int[] high = context.allocateIntLocalArray(tileRows);
        int ownQueries = ownHeads * (heads / kvHeads);
        int head = firstHead * (heads / kvHeads) + context.groupIdx % ownQueries;
        int kvHead = context.groupIdx % ownQueries / (heads / kvHeads);
        int row = step.get(0) + context.groupIdx / ownQueries * tileRows;
        int end = TornadoMath.min(row + tileRows, step.get(0) + step.get(2));
        // Rows of the tile that belong to one sequence go together.
        while (row < end) {
            int table = rowInfo.get(3 * row + 1);
            int rows = 1;
            int lowest = rowInfo.get(3 * row);
            int last = lowest;
            int inside = 1;
            for (int i = row + 1; i < end; i++) {
                if (rowInfo.get(3 * i + 1) != table) {
                    inside = 0;
                }
                if (inside == 1) {
                    rows = rows + 1;
                    lowest = TornadoMath.min(lowest, rowInfo.get(3 * i));
                    last = TornadoMath.max(last, rowInfo.get(3 * i));
                }
            }
            if (window > 0) {
                lowest = TornadoMath.max(0, lowest + 1 - window);
            } else {
                lowest = 0;
            }
            for (int e = tid; e < rows * headDim; e += 128) {
                int i = e / headDim;
                int d = e % headDim;
                query[i * stride + d] = qkv.get(((row + i) * (heads + 2 * kvHeads) + head) * headDim + d);
                sums[e] = 0f;
            }
            for (int i = tid; i < rows; i += 128) {
                int position = rowInfo.get(3 * (row + i));
                highest[i] = -3.0e38f;
                total[i] = 0f;
                high[i] = position + 1;
                low[i] = 0;
                if (window > 0) {
                    low[i] = TornadoMath.max(0, position + 1 - window);
                }
            }
            for (int tile = lowest / tilePositions * tilePositions; tile <= last; tile += tilePositions) {
                int size = TornadoMath.min(tilePositions, last + 1 - tile);
                int block = rowInfo.get(table + tile / BLOCK);
                int cache = ((block * ownHeads + kvHead) * BLOCK + tile % BLOCK) * headDim;
                context.localBarrier();
                for (int e = tid; e < size * headDim; e += 128) {
                    cached[e / headDim * stride + e % headDim] = kCache.get(cache + e);
                }
                context.localBarrier();
                for (int e = tid; e < rows * tilePositions; e += 128) {
                    int i = e / tilePositions;
                    int p = e % tilePositions;
                    if (tile + p >= low[i] && tile + p < high[i]) {
                        float score = 0f;
                        for (int d = 0; d < headDim; d++) {
                            score += query[i * stride + d] * cached[p * stride + d];
                        }
                        weights[e] = score * scale;
                    }
                }
                context.localBarrier();
                for (int e = tid; e < size * headDim; e += 128) {
                    cached[e / headDim * stride + e % headDim] = vCache.get(cache + e);
                }
                for (int i = tid; i < rows; i += 128) {
                    int from = TornadoMath.max(low[i] - tile, 0);
                    int to = TornadoMath.min(high[i] - tile, tilePositions);
                    correction[i] = 1f;
                    if (from < to) {
                        float now = highest[i];
                        for (int p = from; p < to; p++) {
                            now = TornadoMath.max(now, weights[i * tilePositions + p]);
                        }
                        float sum = 0f;
                        for (int p = from; p < to; p++) {
                            float weight = TornadoMath.exp(weights[i * tilePositions + p] - now);
                            weights[i * tilePositions + p] = weight;
                            sum += weight;
                        }
                        correction[i] = TornadoMath.exp(highest[i] - now);
                        total[i] = total[i] * correction[i] + sum;
                        highest[i] = now;
                    }
                }
                context.localBarrier();
                for (int e = tid; e < rows * headDim; e += 128) {
                    int i = e / headDim;
                    int d = e % headDim;
                    int from = TornadoMath.max(low[i] - tile, 0);
                    int to = TornadoMath.min(high[i] - tile, tilePositions);
                    if (from < to) {
                        float value = 0f;
                        for (int p = from; p < to; p++) {
                            value += weights[i * tilePositions + p] * cached[p * stride + d];
                        }
                        sums[e] = sums[e] * correction[i] + value;
                    }
                }
            }
            for (int e = tid; e < rows * headDim; e += 128) {
                int i = e / headDim;
                out.set(((row + i) * heads + head) * headDim + e % headDim, sums[e] / total[i]);
            }
            context.localBarrier();
            row = row + rows;
        }
    }

    /** Cache of fp16. */
    public static void f16(
            KernelContext context,
            IntArray step,
            FloatArray qkv,
            IntArray rowInfo,
            HalfFloatArray kCache,
            HalfFloatArray vCache,
            FloatArray out,
            int heads,
            int kvHeads,
            int firstHead,
            int ownHeads,
            int headDim,
            float scale,
            int window,
            int tileRows,
            int tilePositions) {
        int tid = context.localIdx;
        // One more element per row keeps the threads of a warp in different banks.
        int stride = headDim + 1;
        float[] query = context.allocateFloatLocalArray(tileRows * stride);
        float[] cached = context.allocateFloatLocalArray(tilePositions * stride);
        float[] sums = context.allocateFloatLocalArray(tileRows * headDim);
        float[] weights = context.allocateFloatLocalArray(tileRows * tilePositions);
        float[] highest = context.allocateFloatLocalArray(tileRows);
        float[] total = context.allocateFloatLocalArray(tileRows);
        float[] correction = context.allocateFloatLocalArray(tileRows);
        int[] low = context.allocateIntLocalArray(tileRows);
        int[] high = context.allocateIntLocalArray(tileRows);
        int ownQueries = ownHeads * (heads / kvHeads);
        int head = firstHead * (heads / kvHeads) + context.groupIdx % ownQueries;
        int kvHead = context.groupIdx % ownQueries / (heads / kvHeads);
        int row = step.get(0) + context.groupIdx / ownQueries * tileRows;
        int end = TornadoMath.min(row + tileRows, step.get(0) + step.get(2));
        // Rows of the tile that belong to one sequence go together.
        while (row < end) {
            int table = rowInfo.get(3 * row + 1);
            int rows = 1;
            int lowest = rowInfo.get(3 * row);
            int last = lowest;
            int inside = 1;
            for (int i = row + 1; i < end; i++) {
                if (rowInfo.get(3 * i + 1) != table) {
                    inside = 0;
                }
                if (inside == 1) {
                    rows = rows + 1;
                    lowest = TornadoMath.min(lowest, rowInfo.get(3 * i));
                    last = TornadoMath.max(last, rowInfo.get(3 * i));
                }
            }
            if (window > 0) {
                lowest = TornadoMath.max(0, lowest + 1 - window);
            } else {
                lowest = 0;
            }
            for (int e = tid; e < rows * headDim; e += 128) {
                int i = e / headDim;
                int d = e % headDim;
                query[i * stride + d] = qkv.get(((row + i) * (heads + 2 * kvHeads) + head) * headDim + d);
                sums[e] = 0f;
            }
            for (int i = tid; i < rows; i += 128) {
                int position = rowInfo.get(3 * (row + i));
                highest[i] = -3.0e38f;
                total[i] = 0f;
                high[i] = position + 1;
                low[i] = 0;
                if (window > 0) {
                    low[i] = TornadoMath.max(0, position + 1 - window);
                }
            }
            for (int tile = lowest / tilePositions * tilePositions; tile <= last; tile += tilePositions) {
                int size = TornadoMath.min(tilePositions, last + 1 - tile);
                int block = rowInfo.get(table + tile / BLOCK);
                int cache = ((block * ownHeads + kvHead) * BLOCK + tile % BLOCK) * headDim;
                context.localBarrier();
                for (int e = tid; e < size * headDim; e += 128) {
                    cached[e / headDim * stride + e % headDim] = kCache.get(cache + e).getFloat32();
                }
                context.localBarrier();
                for (int e = tid; e < rows * tilePositions; e += 128) {
                    int i = e / tilePositions;
                    int p = e % tilePositions;
                    if (tile + p >= low[i] && tile + p < high[i]) {
                        float score = 0f;
                        for (int d = 0; d < headDim; d++) {
                            score += query[i * stride + d] * cached[p * stride + d];
                        }
                        weights[e] = score * scale;
                    }
                }
                context.localBarrier();
                for (int e = tid; e < size * headDim; e += 128) {
                    cached[e / headDim * stride + e % headDim] = vCache.get(cache + e).getFloat32();
                }
                for (int i = tid; i < rows; i += 128) {
                    int from = TornadoMath.max(low[i] - tile, 0);
                    int to = TornadoMath.min(high[i] - tile, tilePositions);
                    correction[i] = 1f;
                    if (from < to) {
                        float now = highest[i];
                        for (int p = from; p < to; p++) {
                            now = TornadoMath.max(now, weights[i * tilePositions + p]);
                        }
                        float sum = 0f;
                        for (int p = from; p < to; p++) {
                            float weight = TornadoMath.exp(weights[i * tilePositions + p] - now);
                            weights[i * tilePositions + p] = weight;
                            sum += weight;
                        }
                        correction[i] = TornadoMath.exp(highest[i] - now);
                        total[i] = total[i] * correction[i] + sum;
                        highest[i] = now;
                    }
                }
                context.localBarrier();
                for (int e = tid; e < rows * headDim; e += 128) {
                    int i = e / headDim;
                    int d = e % headDim;
                    int from = TornadoMath.max(low[i] - tile, 0);
                    int to = TornadoMath.min(high[i] - tile, tilePositions);
                    if (from < to) {
                        float value = 0f;
                        for (int p = from; p < to; p++) {
                            value += weights[i * tilePositions + p] * cached[p * stride + d];
                        }
                        sums[e] = sums[e] * correction[i] + value;
                    }
                }
            }
            for (int e = tid; e < rows * headDim; e += 128) {
                int i = e / headDim;
                out.set(((row + i) * heads + head) * headDim + e % headDim, sums[e] / total[i]);
            }
            context.localBarrier();
            row = row + rows;
        }
    }
}
