package uk.ac.manchester.tornado.api;

import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.enums.MMAShape;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * What a work-item knows and shares with its group. A task is given a context of the application's; the runtime hands
 * every work-item another one in its place.
 *
 * <p>A context made with {@link #KernelContext()} is, as in TornadoVM, that of a method called as plain Java: all ids
 * and sizes are 0, barriers and warp operations do nothing.
 *
 * <p>A warp is 32 consecutive work-items of a group, x before y before z. All work-items of a warp must come to each
 * warp operation, and all of a group to each barrier; what a GPU answers with a hang or a wrong number is an error
 * here.
 */
public class KernelContext {
    /** Index among all work-items, in x. */
    public final Integer globalIdx;
    /** Index among all work-items, in y. */
    public final Integer globalIdy;
    /** Index among all work-items, in z. */
    public final Integer globalIdz;
    /** Index of the group, in x. */
    public final Integer groupIdx;
    /** Index of the group, in y. */
    public final Integer groupIdy;
    /** Index of the group, in z. */
    public final Integer groupIdz;
    /** Index within the group, in x. */
    public final Integer localIdx;
    /** Index within the group, in y. */
    public final Integer localIdy;
    /** Index within the group, in z. */
    public final Integer localIdz;
    /** Number of all work-items, in x. */
    public final Integer globalGroupSizeX;
    /** Number of all work-items, in y. */
    public final Integer globalGroupSizeY;
    /** Number of all work-items, in z. */
    public final Integer globalGroupSizeZ;
    /** Work-items of a group, in x. */
    public final Integer localGroupSizeX;
    /** Work-items of a group, in y. */
    public final Integer localGroupSizeY;
    /** Work-items of a group, in z. */
    public final Integer localGroupSizeZ;

    private static final VarHandle INT_ELEMENT = MethodHandles.arrayElementVarHandle(int[].class);
    private static final VarHandle INT_IN_SEGMENT = ValueLayout.JAVA_INT.varHandle();

    private final @Nullable WorkGroup group;
    private final int item;
    private int locals;

    /** A context to pass to a task. */
    public KernelContext() {
        group = null;
        item = 0;
        globalIdx = 0;
        globalIdy = 0;
        globalIdz = 0;
        groupIdx = 0;
        groupIdy = 0;
        groupIdz = 0;
        localIdx = 0;
        localIdy = 0;
        localIdz = 0;
        globalGroupSizeX = 0;
        globalGroupSizeY = 0;
        globalGroupSizeZ = 0;
        localGroupSizeX = 0;
        localGroupSizeY = 0;
        localGroupSizeZ = 0;
    }

    /**
     * The context of a work-item.
     *
     * @param item index within the group, x before y before z
     * @param groupId index of the group in each dimension
     */
    KernelContext(WorkGroup group, int item, GridShape shape, int[] groupId) {
        this.group = group;
        this.item = item;
        localIdx = shape.localId(item, 0);
        localIdy = shape.localId(item, 1);
        localIdz = shape.localId(item, 2);
        groupIdx = groupId[0];
        groupIdy = groupId[1];
        groupIdz = groupId[2];
        globalIdx = groupId[0] * shape.local(0) + localIdx;
        globalIdy = groupId[1] * shape.local(1) + localIdy;
        globalIdz = groupId[2] * shape.local(2) + localIdz;
        globalGroupSizeX = shape.global(0);
        globalGroupSizeY = shape.global(1);
        globalGroupSizeZ = shape.global(2);
        localGroupSizeX = shape.local(0);
        localGroupSizeY = shape.local(1);
        localGroupSizeZ = shape.local(2);
    }

    /** Waits until every work-item of the group is here; what they wrote before is visible after. */
    public void localBarrier() {
        if (group != null) {
            group.barrier();
        }
    }

    /** As {@link #localBarrier}: on a GPU too it waits for the group only, and not for the grid. */
    public void globalBarrier() {
        localBarrier();
    }

    /**
     * Local memory, shared by the group: the n-th allocation of every work-item is the same array. It starts with
     * anything, here with numbers that are not indices.
     *
     * @param size number of elements, the same for all work-items
     */
    public int[] allocateIntLocalArray(int size) {
        return group == null ? new int[size] : group.localInts(locals++, size);
    }

    /** As {@link #allocateIntLocalArray}; starts with NaN. */
    public float[] allocateFloatLocalArray(int size) {
        return group == null ? new float[size] : group.localFloats(locals++, size);
    }

    /** As {@link #allocateIntLocalArray}; starts with NaN. */
    public HalfFloat[] allocateHalfFloatLocalArray(int size) {
        return group == null ? new HalfFloat[size] : group.localHalfFloats(locals++, size);
    }

    /**
     * Sum over the warp, the same bits in all of its work-items: partners at distance 16, 8, 4, 2, 1 are added, as the
     * CUDA and PTX backends do. The lanes that a last, partial warp lacks count as 0; on a GPU they are undefined.
     */
    public float simdSum(float val) {
        return group == null ? val : group.warpSum(item, val);
    }

    /** The value of the work-item {@code delta} further in the warp; the caller's own beyond the warp's last. */
    public float simdShuffleDown(float val, int delta) {
        return group == null ? val : group.warpShuffleDown(item, val, delta);
    }

    /** The value of the warp's first work-item. */
    public float simdBroadcastFirst(float val) {
        return group == null ? val : group.warpFirst(item, val);
    }

    /** Adds to an element without losing the additions of other work-items. */
    public void atomicAdd(IntArray array, int index, int val) {
        if (index < 0) {
            throw new IndexOutOfBoundsException(index);
        }
        long offset = TornadoNativeArray.ARRAY_HEADER + 4L * index;
        INT_IN_SEGMENT.getAndAdd(array.getSegmentWithHeader(), offset, val);
    }

    /** Adds to an element of local memory without losing the additions of other work-items. */
    public void atomicAdd(int[] array, int index, int val) {
        INT_ELEMENT.getAndAdd(array, index, val);
    }

    /**
     * A lane's share of a 16 × 8 accumulator of {@link #mma}, all elements {@code v}. Kernels hand it on and do not
     * look inside.
     */
    public float[] mmaFragment(float v) {
        return new float[] {v, v, v, v};
    }

    /**
     * A lane's share of the left operand: 16 rows of 16 halves, two halves in each integer, the lower first.
     *
     * @param aTile local memory
     * @param wmmaK columns of the operand, 16
     * @param byteOffset where in {@code aTile} it begins, in bytes, a multiple of 16. Lane l loads half of row l % 16,
     *     the first half for l below 16, so that lanes with offsets of their own gather rows from wherever they are
     */
    public HalfFloat[] mmaLoadA(int[] aTile, int wmmaK, int byteOffset) {
        return MatrixFragments.loadA(aTile, byteOffset, item % WorkGroup.WARP);
    }

    /**
     * A lane's share of the right operand: 16 rows of 8 halves, two halves of a row in each integer, the lower first.
     *
     * @param bTile local memory
     * @param wmmaK rows of the operand, 16
     * @param byteOffset where in {@code bTile} it begins, in bytes, a multiple of 16
     */
    public HalfFloat[] mmaLoadB(int[] bTile, int wmmaK, int byteOffset) {
        return MatrixFragments.loadB(bTile, byteOffset, item % WorkGroup.WARP);
    }

    /**
     * A lane's share of the right operand: 16 rows of 8 halves, of which rows 8 to 15 are swapped in pairs, so that a
     * row r is at {@code r ^ (r >> 3)}, and only the last bit differs.
     *
     * @param bTile local memory
     * @param wmmaK rows of the operand, 16
     * @param byteOffset where in {@code bTile} it begins, in bytes, a multiple of 16
     */
    public HalfFloat[] mmaLoadBSwizzled(HalfFloat[] bTile, int wmmaK, int byteOffset) {
        return MatrixFragments.loadBSwizzled(bTile, byteOffset, item % WorkGroup.WARP);
    }

    /**
     * A · B + C by all lanes of a warp together, of 16 × 16, 16 × 8 and 16 × 8 elements. Each element is rounded once
     * to fp32; tensor cores cut off low bits of the sums instead.
     *
     * @throws IllegalArgumentException if the shape is not {@link MMAShape#M16N8K16}
     */
    public float[] mma(HalfFloat[] fragA, HalfFloat[] fragB, float[] fragC, MMAShape mmaShape) {
        if (mmaShape != MMAShape.M16N8K16) {
            throw new IllegalArgumentException("halves are multiplied as M16N8K16, not as " + mmaShape);
        }
        return group == null ? fragC : group.warpMultiply(item, fragA, fragB, fragC);
    }

    /**
     * Stores an accumulator: element (r, c) to {@code c[(tileRow + r) · dimN + tileCol + c]}.
     */
    public void mmaStore(float[] fragD, FloatArray c, int tileRow, int tileCol, int dimN) {
        if (group != null) {
            MatrixFragments.store(fragD, c, tileRow, tileCol, dimN, item % WorkGroup.WARP);
        }
    }
}
