package io.maseparation.parallel.comm;

/**
 * What one rank sends to another. The arrays belong to the message: the sender does not touch them again.
 *
 * @param ints indices and counts
 * @param floats payload
 */
public record Message(int[] ints, float[] floats) {
    /** {@return bytes that travel} */
    public long bytes() {
        return 4L * (ints.length + (long) floats.length);
    }
}
