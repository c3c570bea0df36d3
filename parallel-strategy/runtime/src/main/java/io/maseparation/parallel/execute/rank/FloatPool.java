package io.maseparation.parallel.execute.rank;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;

/**
 * Arrays of messages that have been taken, for further messages: steps that follow each other send as much, and a new
 * array of a megabyte costs as much time as filling it. Safe for use by any number of threads.
 */
final class FloatPool {
    /** Arrays that are kept; more would be of lengths that do not come again. */
    private static final int KEPT = 16;

    private final Deque<float[]> free = new ArrayDeque<>();

    /** {@return an array with arbitrary content} */
    float[] take(int length) {
        synchronized (free) {
            for (Iterator<float[]> i = free.descendingIterator(); i.hasNext();) {
                float[] array = i.next();
                if (array.length == length) {
                    i.remove();
                    return array;
                }
            }
        }
        return new float[length];
    }

    /** Takes back an array that nobody else uses. */
    void give(float[] array) {
        synchronized (free) {
            free.addLast(array);
            if (free.size() > KEPT) {
                free.removeFirst();
            }
        }
    }
}
