package io.maseparation.kernels.host;

import static io.maseparation.kernels.host.AttentionTile.TILE;
import static io.maseparation.kernels.host.HostVectors.FLOAT;

import io.maseparation.kernels.KvCache;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Host bodies of {@code DecodeAttention} and {@code PrefillAttention}. */
public final class AttentionHost {
    /** Cache positions that one thread takes of a sequence in decoding: a multiple of the tile. */
    static final int BLOCK = 512;
    /** Query rows times heads of a key head that a prefill tile holds, unless one row alone has more. */
    static final int PREFILL_ROWS = 128;
    /** Multiply-adds worth another thread. */
    private static final long GRAIN = 1 << 17;

    private AttentionHost() {}

    /** Decoding with a cache of fp32. */
    public static void decodeF32(
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
            int window) {
        if (step.get(2) < step.get(1)) {
            new Call(qkv, rowInfo, kCache.getSegment(), vCache.getSegment(), false, out, heads, kvHeads, firstHead,
                    ownHeads,
                    headDim, scale, window)
                    .decode(step.get(0) + step.get(2), step.get(1) - step.get(2));
        }
    }

    /** Decoding with a cache of fp16. */
    public static void decodeF16(
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
            int window) {
        if (step.get(2) < step.get(1)) {
            new Call(qkv, rowInfo, kCache.getSegment(), vCache.getSegment(), true, out, heads, kvHeads, firstHead,
                    ownHeads,
                    headDim, scale, window)
                    .decode(step.get(0) + step.get(2), step.get(1) - step.get(2));
        }
    }

    /** Prefill with a cache of fp32. */
    public static void prefillF32(
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
            int window) {
        if (step.get(2) > 0) {
            new Call(qkv, rowInfo, kCache.getSegment(), vCache.getSegment(), false, out, heads, kvHeads, firstHead,
                    ownHeads,
                    headDim, scale, window)
                    .prefill(step.get(0), step.get(2));
        }
    }

    /** Prefill with a cache of fp16. */
    public static void prefillF16(
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
            int window) {
        if (step.get(2) > 0) {
            new Call(qkv, rowInfo, kCache.getSegment(), vCache.getSegment(), true, out, heads, kvHeads, firstHead,
                    ownHeads,
                    headDim, scale, window)
                    .prefill(step.get(0), step.get(2));
        }
    }

    /** The arguments of one execution. */
    private static final class Call {
        private final MemorySegment qkv;
        private final IntArray rowInfo;
        private final MemorySegment kCache;
        private final MemorySegment vCache;
        private final boolean fp16;
        private final MemorySegment out;
        private final int heads;
        private final int kvHeads;
        /** The first of the key heads whose cache this is, and how many they are. */
        private final int firstHead;

        private final int ownHeads;
        private final int headDim;
        private final float scale;
        private final int window;
        /** Query heads of a key head. */
        private final int group;

        private final int padded;
        /** Whether the inner loops of fp32 can read the cache where it lies. */
        private final boolean direct;
        /** Whether those of {@link HalfHeads} can. */
        private final boolean halves;

        Call(
                FloatArray qkv,
                IntArray rowInfo,
                MemorySegment kCache,
                MemorySegment vCache,
                boolean fp16,
                FloatArray out,
                int heads,
                int kvHeads,
                int firstHead,
                int ownHeads,
                int headDim,
                float scale,
                int window) {
            this.qkv = qkv.getSegment();
            this.rowInfo = rowInfo;
            this.kCache = kCache;
            this.vCache = vCache;
            this.fp16 = fp16;
            this.out = out.getSegment();
            this.heads = heads;
            this.kvHeads = kvHeads;
            this.firstHead = firstHead;
            this.ownHeads = ownHeads;
            this.headDim = headDim;
            this.scale = scale;
            this.window = window;
            this.group = heads / kvHeads;
            this.padded = AttentionTile.padded(headDim);
            this.direct = !fp16 && padded == headDim;
            this.halves = fp16 && headDim == HalfHeads.COLUMNS && group == 1;
        }

        private int position(int row) {
            return rowInfo.get(3 * row);
        }

        private int lowest(int row) {
            return window > 0 ? Math.max(0, position(row) + 1 - window) : 0;
        }

        /** Where the cache has the keys, or values, of a tile that begins at a position. */
        private long tileElement(int row, int kvHead, int start) {
            long block = rowInfo.get(rowInfo.get(3 * row + 1) + start / KvCache.BLOCK);
            return ((block * ownHeads + kvHead) * KvCache.BLOCK + start % KvCache.BLOCK) * headDim;
        }

        private void loadQueries(AttentionScratch s, int at, int row, int kvHead) {
            long from = ((long) row * (heads + 2 * kvHeads) + (long) (firstHead + kvHead) * group) * headDim;
            for (int g = 0; g < group; g++) {
                AttentionTile.loadRow(
                        qkv, from + (long) g * headDim, false, s.queries, 4L * (at + g) * padded, headDim, padded);
            }
        }

        private static void reset(AttentionScratch s, int rows, int padded) {
            Arrays.fill(s.highest, 0, rows, Float.NEGATIVE_INFINITY);
            Arrays.fill(s.total, 0, rows, 0);
            s.sums.asSlice(0, 4L * rows * padded).fill((byte) 0);
            s.part.asSlice(0, 4L * rows * padded).fill((byte) 0);
        }

        /** out = sums / total, for a query head counted from the first of this cache's. */
        private void write(MemorySegment sums, long at, float total, int row, int head) {
            long to = 4L * ((long) row * heads + (long) firstHead * group + head) * headDim;
            for (int d = 0; d < headDim; d++) {
                out.set(FLOAT, to + 4L * d, sums.get(FLOAT, at + 4L * d) / total);
            }
        }

        // ---- decode: (row, context block) x key head, merged afterwards in the order of the blocks

        void decode(int first, int count) {
            int pieces = 0;
            int longest = 1;
            for (int r = 0; r < count; r++) {
                int row = first + r;
                pieces += position(row) / BLOCK - lowest(row) / BLOCK + 1;
                longest = Math.max(longest, position(row) + 1 - lowest(row));
            }
            int[] pieceRow = new int[pieces];
            int[] pieceBlock = new int[pieces];
            int[] firstPiece = new int[count + 1];
            int piece = 0;
            for (int r = 0; r < count; r++) {
                int row = first + r;
                firstPiece[r] = piece;
                for (int block = lowest(row) / BLOCK; block <= position(row) / BLOCK; block++) {
                    pieceRow[piece] = row;
                    pieceBlock[piece++] = block;
                }
            }
            firstPiece[count] = piece;
            int size = group * (padded + 2);
            boolean merging = pieces > count;
            MemorySegment blocks =
                    merging ? AttentionScratch.blocks((long) pieces * ownHeads * size) : MemorySegment.NULL;
            long work = 2L * group * headDim * Math.min(BLOCK, longest);
            int grain = (int) Math.max(1, GRAIN / work);
            HostThreads.forRange(pieces * ownHeads, grain, (from, to) -> {
                AttentionScratch s = AttentionScratch.get(group, padded);
                for (int u = from; u < to; u++) {
                    int p = u / ownHeads;
                    int kvHead = u % ownHeads;
                    int row = pieceRow[p];
                    decodeBlock(s, row, kvHead, pieceBlock[p]);
                    boolean alone = firstPiece[row - first + 1] - firstPiece[row - first] == 1;
                    for (int g = 0; g < group; g++) {
                        if (alone) {
                            write(s.sums, 4L * g * padded, s.total[g], row, kvHead * group + g);
                        } else {
                            long at = 4L * ((long) u * size + (long) g * (padded + 2));
                            blocks.set(FLOAT, at, s.highest[g]);
                            blocks.set(FLOAT, at + 4, s.total[g]);
                            MemorySegment.copy(s.sums, 4L * g * padded, blocks, at + 8, 4L * padded);
                        }
                    }
                }
            });
            if (merging) {
                HostThreads.forRange(count * ownHeads, Math.max(1, (1 << 14) / size), (from, to) -> {
                    AttentionScratch s = AttentionScratch.get(group, padded);
                    for (int u = from; u < to; u++) {
                        int r = u / ownHeads;
                        if (firstPiece[r + 1] - firstPiece[r] > 1) {
                            for (int g = 0; g < group; g++) {
                                merge(s, blocks, firstPiece[r], firstPiece[r + 1], u % ownHeads, g, first + r);
                            }
                        }
                    }
                });
            }
        }

        private void decodeBlock(AttentionScratch s, int row, int kvHead, int block) {
            loadQueries(s, 0, row, kvHead);
            reset(s, group, padded);
            int low = Math.max(lowest(row), block * BLOCK);
            int high = Math.min(position(row) + 1, (block + 1) * BLOCK);
            for (int start = low / TILE * TILE; start < high; start += TILE) {
                int from = Math.max(0, low - start);
                int to = Math.min(TILE, high - start);
                long element = tileElement(row, kvHead, start);
                if (halves) {
                    boolean last = start + TILE >= high;
                    decodeHalves(s, element, last ? element : tileElement(row, kvHead, start + TILE), from, to);
                    continue;
                }
                MemorySegment k = kCache;
                MemorySegment v = vCache;
                long at = 4 * element;
                if (!direct) {
                    for (int p = from; p < to; p++) {
                        long e = element + (long) p * headDim;
                        AttentionTile.loadRow(kCache, e, fp16, s.keys, 4L * p * padded, headDim, padded);
                        AttentionTile.loadRow(vCache, e, fp16, s.values, 4L * p * padded, headDim, padded);
                    }
                    k = s.keys;
                    v = s.values;
                    at = 0;
                }
                for (int g = 0; g < group; g++) {
                    AttentionTile.scoreByRow(s.queries, k, at, s.scores, g, from, to, padded);
                }
                int g = 0;
                for (; g <= group - 4; g += 4) {
                    float c0 = AttentionTile.softmax(s.scores, g, from, to, scale, s.highest, s.total);
                    float c1 = AttentionTile.softmax(s.scores, g + 1, from, to, scale, s.highest, s.total);
                    float c2 = AttentionTile.softmax(s.scores, g + 2, from, to, scale, s.highest, s.total);
                    float c3 = AttentionTile.softmax(s.scores, g + 3, from, to, scale, s.highest, s.total);
                    AttentionTile.multiplyFourRows(s.scores, TILE, v, at, padded, s.part, padded, g, from, to, padded);
                    AttentionTile.fold(s.sums, s.part, g, padded, c0);
                    AttentionTile.fold(s.sums, s.part, g + 1, padded, c1);
                    AttentionTile.fold(s.sums, s.part, g + 2, padded, c2);
                    AttentionTile.fold(s.sums, s.part, g + 3, padded, c3);
                }
                for (; g < group; g++) {
                    float c = AttentionTile.softmax(s.scores, g, from, to, scale, s.highest, s.total);
                    AttentionTile.multiplyRow(s.scores, TILE, v, at, padded, s.part, padded, g, from, to, padded);
                    AttentionTile.fold(s.sums, s.part, g, padded, c);
                }
            }
        }

        /** A tile of fp16; {@code next} is the element where the next one begins. */
        private void decodeHalves(AttentionScratch s, long element, long next, int from, int to) {
            long at = 2 * element;
            s.touched += HalfHeads.score(s.queries, 0, kCache, at, vCache, at, s.lanes, from, to);
            AttentionTile.addLanes(s.lanes, s.scores, from, to);
            float c = AttentionTile.softmax(s.scores, 0, from, to, scale, s.highest, s.total);
            s.touched += HalfHeads.weigh(s.scores, 0, vCache, at, kCache, 2 * next, s.part, 0, from, to);
            AttentionTile.fold(s.sums, s.part, 0, padded, c);
        }

        private void merge(
                AttentionScratch s, MemorySegment blocks, int fromPiece, int toPiece, int kvHead, int g, int row) {
            int size = group * (padded + 2);
            float highest = Float.NEGATIVE_INFINITY;
            for (int p = fromPiece; p < toPiece; p++) {
                long at = 4L * (((long) p * ownHeads + kvHead) * size + (long) g * (padded + 2));
                highest = Math.max(highest, blocks.get(FLOAT, at));
            }
            s.sums.asSlice(0, 4L * padded).fill((byte) 0);
            float total = 0;
            for (int p = fromPiece; p < toPiece; p++) {
                long at = 4L * (((long) p * ownHeads + kvHead) * size + (long) g * (padded + 2));
                float factor = (float) Math.exp(blocks.get(FLOAT, at) - highest);
                total = Math.fma(blocks.get(FLOAT, at + 4), factor, total);
                for (int d = 0; d < padded; d++) {
                    float sum = Math.fma(blocks.get(FLOAT, at + 8 + 4L * d), factor, s.sums.get(FLOAT, 4L * d));
                    s.sums.set(FLOAT, 4L * d, sum);
                }
            }
            write(s.sums, 0, total, row, kvHead * group + g);
        }

        // ---- prefill: tiles of neighbouring rows of one sequence x key head

        void prefill(int first, int count) {
            int most = Math.max(1, PREFILL_ROWS / group);
            int[] tileStart = new int[count + 1];
            int tiles = 0;
            for (int r = 0; r < count; r++) {
                int row = first + r;
                boolean sameSequence = r > 0 && rowInfo.get(3 * row + 1) == rowInfo.get(3 * row - 2);
                if (!sameSequence || r - tileStart[tiles - 1] >= most) {
                    tileStart[tiles++] = r;
                }
            }
            tileStart[tiles] = count;
            if (tiles == 0) {
                return;
            }
            long context = 0;
            for (int t = 0; t < tiles; t++) {
                int last = first + tileStart[t + 1] - 1;
                context += (long) (tileStart[t + 1] - tileStart[t]) * (position(last) + 1);
            }
            long work = Math.max(1, 2L * group * headDim * context / tiles);
            int allTiles = tiles;
            // The last tiles of a chunk see the longest context: they go first.
            HostThreads.forRange(tiles * ownHeads, Math.clamp(GRAIN / work, 1, 1 << 20), (from, to) -> {
                AttentionScratch s = AttentionScratch.get(Math.max(group, most * group), padded);
                float[] keyRow = new float[headDim];
                for (int u = from; u < to; u++) {
                    int t = allTiles - 1 - u / ownHeads;
                    prefillTile(s, keyRow, first + tileStart[t], first + tileStart[t + 1], u % ownHeads);
                }
            });
        }

        private void prefillTile(AttentionScratch s, float[] keyRow, int fromRow, int toRow, int kvHead) {
            int rows = (toRow - fromRow) * group;
            int low = Integer.MAX_VALUE;
            int high = 0;
            for (int row = fromRow; row < toRow; row++) {
                int at = (row - fromRow) * group;
                loadQueries(s, at, row, kvHead);
                Arrays.fill(s.low, at, at + group, lowest(row));
                Arrays.fill(s.high, at, at + group, position(row) + 1);
                low = Math.min(low, lowest(row));
                high = Math.max(high, position(row) + 1);
            }
            reset(s, rows, padded);
            for (int start = low / TILE * TILE; start < high; start += TILE) {
                int n = Math.min(TILE, high - start);
                long element = tileElement(fromRow, kvHead, start);
                AttentionTile.loadTransposed(kCache, element, fp16, s.keys, n, headDim, keyRow);
                MemorySegment v = vCache;
                long at = 4 * element;
                if (!direct) {
                    for (int p = 0; p < n; p++) {
                        long e = element + (long) p * headDim;
                        AttentionTile.loadRow(vCache, e, fp16, s.values, 4L * p * padded, headDim, padded);
                    }
                    v = s.values;
                    at = 0;
                }
                s.scores.asSlice(0, 4L * rows * TILE).fill((byte) 0);
                int row = 0;
                for (; row <= rows - 4; row += 4) {
                    AttentionTile.multiplyFourRows(
                            s.queries, padded, s.keys, 0, TILE, s.scores, TILE, row, 0, headDim, TILE);
                }
                for (; row < rows; row++) {
                    AttentionTile.multiplyRow(
                            s.queries, padded, s.keys, 0, TILE, s.scores, TILE, row, 0, headDim, TILE);
                }
                for (row = 0; row < rows; row += 4) {
                    weigh(s, v, at, row, Math.min(rows, row + 4), start);
                }
            }
            for (int row = 0; row < rows; row++) {
                write(s.sums, 4L * row * padded, s.total[row], fromRow + row / group, kvHead * group + row % group);
            }
        }

        /** Softmax and values of up to four rows; where their ranges agree they go together. */
        private void weigh(AttentionScratch s, MemorySegment v, long at, int fromRow, int toRow, int start) {
            int commonFrom = 0;
            int commonTo = TILE;
            for (int row = fromRow; row < toRow; row++) {
                commonFrom = Math.max(commonFrom, s.low[row] - start);
                commonTo = Math.min(commonTo, s.high[row] - start);
            }
            boolean together = toRow - fromRow == 4 && commonFrom < commonTo;
            for (int pass = 0; pass < (together ? 2 : 1); pass++) {
                if (pass == 1) {
                    AttentionTile.multiplyFourRows(
                            s.scores, TILE, v, at, padded, s.part, padded, fromRow, commonFrom, commonTo, padded);
                }
                for (int row = fromRow; row < toRow; row++) {
                    int from = Math.max(0, s.low[row] - start);
                    int to = Math.min(TILE, s.high[row] - start);
                    if (from >= to) {
                        continue;
                    }
                    if (pass == 0) {
                        s.correction[row - fromRow] =
                                AttentionTile.softmax(s.scores, row, from, to, scale, s.highest, s.total);
                        AttentionTile.multiplyRow(
                                s.scores,
                                TILE,
                                v,
                                at,
                                padded,
                                s.part,
                                padded,
                                row,
                                from,
                                together ? commonFrom : to,
                                padded);
                    } else {
                        AttentionTile.multiplyRow(
                                s.scores, TILE, v, at, padded, s.part, padded, row, commonTo, to, padded);
                    }
                    if (pass == 1 || !together) {
                        AttentionTile.fold(s.sums, s.part, row, padded, s.correction[row - fromRow]);
                    }
                }
            }
        }
    }
}
