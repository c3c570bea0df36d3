package uk.ac.manchester.tornado.api;

import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * What a work-item knows and shares with its group. A kernel's caller passes a context of its own; on the embedded
 * device every work-item gets another one in its place.
 */
public class KernelContext {
    public final Integer globalIdx;
    public final Integer globalIdy;
    public final Integer globalIdz;
    public final Integer groupIdx;
    public final Integer groupIdy;
    public final Integer groupIdz;
    public final Integer localIdx;
    public final Integer localIdy;
    public final Integer localIdz;
    public final Integer globalGroupSizeX;
    public final Integer globalGroupSizeY;
    public final Integer globalGroupSizeZ;
    public final Integer localGroupSizeX;
    public final Integer localGroupSizeY;
    public final Integer localGroupSizeZ;

    private final WorkGroup group;
    private final int item;
    private int locals;

    /** A context to pass to a task. */
    public KernelContext() {
        this(null, 0, new int[] {1, 1, 1}, new int[3], new int[] {1, 1, 1});
    }

    KernelContext(WorkGroup group, int item, int[] global, int[] groupId, int[] local) {
        this.group = group;
        this.item = item;
        localIdx = item % local[0];
        localIdy = item / local[0] % local[1];
        localIdz = item / local[0] / local[1];
        groupIdx = groupId[0];
        groupIdy = groupId[1];
        groupIdz = groupId[2];
        globalIdx = groupId[0] * local[0] + localIdx;
        globalIdy = groupId[1] * local[1] + localIdy;
        globalIdz = groupId[2] * local[2] + localIdz;
        globalGroupSizeX = global[0];
        globalGroupSizeY = global[1];
        globalGroupSizeZ = global[2];
        localGroupSizeX = local[0];
        localGroupSizeY = local[1];
        localGroupSizeZ = local[2];
    }

    /** Waits until every work-item of the group is here. */
    public void localBarrier() {
        group.barrier();
    }

    /** As on a GPU: orders global memory within the group. */
    public void globalBarrier() {
        group.barrier();
    }

    /** Local memory, shared by the group: every work-item's n-th allocation is the same array. */
    public int[] allocateIntLocalArray(int size) {
        return (int[]) group.local(locals++, () -> {
            int[] array = new int[size];
            java.util.Arrays.fill(array, 0x7fbadbad);
            return array;
        });
    }

    /** As {@link #allocateIntLocalArray}. */
    public float[] allocateFloatLocalArray(int size) {
        return (float[]) group.local(locals++, () -> {
            float[] array = new float[size];
            // A GPU's local memory starts with anything.
            java.util.Arrays.fill(array, Float.NaN);
            return array;
        });
    }

    /** Sum over the warp of 32 work-items; all of them must call it. */
    public float simdSum(float val) {
        return group.warp(item).sum(item, val);
    }

    /** The value of the work-item {@code delta} further in the warp; the caller's own beyond the warp's end. */
    public float simdShuffleDown(float val, int delta) {
        return group.warp(item).down(item, val, delta);
    }

    /** The value of the warp's first work-item. */
    public float simdBroadcastFirst(float val) {
        return group.warp(item).first(item, val);
    }

    /** Adds to an element without losing additions of other work-items. */
    public void atomicAdd(IntArray array, int index, int val) {
        synchronized (array) {
            array.set(index, array.get(index) + val);
        }
    }
}
