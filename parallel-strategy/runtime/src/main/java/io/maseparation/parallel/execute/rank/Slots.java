package io.maseparation.parallel.execute.rank;

import java.util.Objects;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * The sequences that run, by slot. A slot is given to another sequence only when every step with the one before has
 * ended on all ranks.
 */
public final class Slots {
    private final AtomicReferenceArray<@Nullable Slot> slots;

    /**
     * Slots without sequences.
     *
     * @param count most sequences at once
     */
    public Slots(int count) {
        slots = new AtomicReferenceArray<>(count);
    }

    /** {@return most sequences at once} */
    public int count() {
        return slots.length();
    }

    /**
     * Gives a slot to a sequence.
     *
     * @param index index of the slot
     * @param slot the sequence
     */
    public void set(int index, Slot slot) {
        slots.set(index, slot);
    }

    /**
     * {@return number of the sequence in a slot, among those that share a seed}
     *
     * @param index index of the slot
     */
    public int number(int index) {
        return get(index).number();
    }

    /** The sequence of a slot. */
    Slot get(int index) {
        return Objects.requireNonNull(slots.get(index), "a slot is given away before its first step");
    }
}
