package io.maseparation.parallel.comm.mpi;

import io.maseparation.parallel.comm.Message;
import io.maseparation.parallel.comm.MessageKey;
import io.maseparation.parallel.layout.Tensor;
import io.maseparation.parallel.run.RunFailedException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * How messages are laid out: words of 32 bits in the order of the machine, which says what they are, and then what they
 * hold. What comes from another process is checked before it is used.
 */
final class Envelope {
    /** A message of a run: this word, the key's six but the sender, numbers of integers and of floats; then these. */
    static final int MESSAGE = 0x4d415031;
    /** A note: this word; then its bytes. */
    static final int NOTE = 0x4d415032;
    /** The sender has nothing more to say: this word alone. */
    static final int END = 0x4d415033;

    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
    private static final int WORD = Integer.BYTES;
    private static final int MESSAGE_HEADER = 8 * WORD;
    private static final Tensor[] TENSORS = Tensor.values();

    private Envelope() {}

    /** A message and what it is about. */
    record Addressed(MessageKey key, Message message) {}

    static long bytes(Message message) {
        return MESSAGE_HEADER + message.bytes();
    }

    static void write(MemorySegment to, MessageKey key, Message message) {
        int[] header = {MESSAGE, key.tensor().ordinal(), key.layer(), key.phase(), key.microBatch(), key.step(),
            message.ints().length, message.floats().length};
        MemorySegment.copy(header, 0, to, INT, 0, header.length);
        MemorySegment.copy(message.ints(), 0, to, INT, MESSAGE_HEADER, message.ints().length);
        MemorySegment.copy(message.floats(), 0, to, ValueLayout.JAVA_FLOAT,
                MESSAGE_HEADER + (long) WORD * message.ints().length, message.floats().length);
    }

    static long bytes(byte[] note) {
        return WORD + (long) note.length;
    }

    static void write(MemorySegment to, byte[] note) {
        to.set(INT, 0, NOTE);
        MemorySegment.copy(note, 0, to, ValueLayout.JAVA_BYTE, WORD, note.length);
    }

    /** What something that came from a rank is. */
    static int kind(int from, MemorySegment message) {
        int kind = message.byteSize() < WORD ? 0 : message.get(INT, 0);
        if (kind != MESSAGE && kind != NOTE && (kind != END || message.byteSize() != WORD)) {
            throw new RunFailedException(
                    "rank %d sent %d bytes that are no message of this program".formatted(from, message.byteSize()),
                    null);
        }
        return kind;
    }

    static Addressed message(int from, MemorySegment message) {
        if (message.byteSize() < MESSAGE_HEADER) {
            throw new RunFailedException("rank %d sent a message without a header".formatted(from), null);
        }
        int tensor = word(message, 1);
        int ints = word(message, 6);
        int floats = word(message, 7);
        if (tensor < 0 || tensor >= TENSORS.length) {
            throw new RunFailedException(
                    "rank %d sent a message of kind %d, which there is not".formatted(from, tensor), null);
        }
        if (ints < 0 || floats < 0 || MESSAGE_HEADER + WORD * ((long) ints + floats) != message.byteSize()) {
            throw new RunFailedException("rank %d sent a message of %d bytes for %d integers and %d floats".formatted(
                    from, message.byteSize(), ints, floats), null);
        }
        Message made = new Message(new int[ints], new float[floats]);
        MemorySegment.copy(message, INT, MESSAGE_HEADER, made.ints(), 0, ints);
        MemorySegment.copy(message, ValueLayout.JAVA_FLOAT, MESSAGE_HEADER + (long) WORD * ints, made.floats(), 0,
                floats);
        return new Addressed(
                new MessageKey(from, TENSORS[tensor], word(message, 2), word(message, 3), word(message, 4),
                        word(message, 5)),
                made);
    }

    static byte[] note(MemorySegment message) {
        return message.asSlice(WORD).toArray(ValueLayout.JAVA_BYTE);
    }

    private static int word(MemorySegment message, int index) {
        return message.get(INT, (long) WORD * index);
    }
}
