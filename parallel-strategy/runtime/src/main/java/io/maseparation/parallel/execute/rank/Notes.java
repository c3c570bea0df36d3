package io.maseparation.parallel.execute.rank;

import io.maseparation.moe.Sampler;
import io.maseparation.parallel.run.RunFailedException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutput;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;

/**
 * What the processes of a run tell each other beside the messages of the ranks: steps from the leader to all others,
 * and what became of them back. Lengths are checked before anything is made of them.
 */
final class Notes {
    /** To the leader: a rank is set up. */
    static final byte READY = 1;
    /** To all: the sequences that are new, and a step. */
    static final byte STEP = 2;
    /** To the leader: what was sampled of a micro-batch. */
    static final byte SAMPLED = 3;
    /** To the leader: a rank has ended a step. */
    static final byte ENDED = 4;
    /** To the leader: what a rank is doing. */
    static final byte DOING = 5;
    /** To the leader: a rank has failed. */
    static final byte BROKEN = 6;
    /** To all: there are no further steps. */
    static final byte CLOSE = 7;
    /** To the leader: what a rank did in all of the run. */
    static final byte DONE = 8;

    private Notes() {}

    /** Writes or reads a part of a note. */
    interface Part<T> {
        void with(T data) throws IOException;
    }

    /** A note of a kind. */
    static byte[] write(byte kind, Part<DataOutput> rest) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        DataOutputStream data = new DataOutputStream(bytes);
        try {
            data.writeByte(kind);
            rest.with(data);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    /**
     * Reads what follows the kind of a note.
     *
     * @param from the process that sent it
     * @throws RunFailedException if it is no such note
     */
    static void read(int from, byte[] note, Part<DataInputStream> rest) {
        try (DataInputStream data = new DataInputStream(new ByteArrayInputStream(note, 1, note.length - 1))) {
            rest.with(data);
            if (data.available() > 0) {
                throw new IOException("it is longer than it says");
            }
        } catch (IOException | IllegalArgumentException | IndexOutOfBoundsException e) {
            throw new RunFailedException("rank %d sent a note of kind %d that makes no sense: %s".formatted(
                    from, note[0], e.getMessage()), e);
        }
    }

    /** The kind of a note; 0 if it has none. */
    static byte kind(byte[] note) {
        return note.length == 0 ? 0 : note[0];
    }

    static void ints(DataOutput to, int[] values) throws IOException {
        to.writeInt(values.length);
        for (int value : values) {
            to.writeInt(value);
        }
    }

    static int[] ints(DataInputStream from) throws IOException {
        int[] values = new int[count(from, Integer.BYTES)];
        for (int i = 0; i < values.length; i++) {
            values[i] = from.readInt();
        }
        return values;
    }

    static void floats(DataOutput to, float[] values) throws IOException {
        to.writeInt(values.length);
        for (float value : values) {
            to.writeFloat(value);
        }
    }

    static float[] floats(DataInputStream from) throws IOException {
        float[] values = new float[count(from, Float.BYTES)];
        for (int i = 0; i < values.length; i++) {
            values[i] = from.readFloat();
        }
        return values;
    }

    /** A number of things to come, each of which takes so many bytes at least. */
    static int count(DataInputStream from, int bytes) throws IOException {
        int count = from.readInt();
        if (count < 0 || (long) count * bytes > from.available()) {
            throw new IOException("%d entries in %d bytes".formatted(count, from.available()));
        }
        return count;
    }

    static void slot(DataOutput to, Slot slot) throws IOException {
        to.writeInt(slot.number());
        Sampler sampler = slot.sampler();
        to.writeDouble(sampler.temperature());
        to.writeInt(sampler.topK());
        to.writeDouble(sampler.topP());
        to.writeDouble(sampler.minP());
        to.writeDouble(sampler.repetitionPenalty());
        to.writeLong(sampler.seed());
        to.writeBoolean(slot.promptLogits());
        to.writeInt(slot.firstOutput());
        to.writeInt(slot.table().capacity());
        ints(to, slot.before());
    }

    /** A slot whose table has no blocks yet. */
    static Slot slot(DataInputStream from) throws IOException {
        int number = from.readInt();
        Sampler sampler = new Sampler(from.readDouble(), from.readInt(), from.readDouble(), from.readDouble(),
                from.readDouble(), from.readLong());
        boolean promptLogits = from.readBoolean();
        int firstOutput = from.readInt();
        int capacity = from.readInt();
        return new Slot(number, sampler, promptLogits, firstOutput, new KvTable(capacity), ints(from));
    }

    static void step(DataOutput to, Step step) throws IOException {
        to.writeInt(step.number());
        to.writeInt(step.work().size());
        for (Step.Work work : step.work()) {
            to.writeInt(work.microBatch());
            to.writeInt(work.groups().size());
            for (Batch batch : work.groups()) {
                to.writeInt(batch.firstRow());
                to.writeInt(batch.promptRows());
                ints(to, batch.sequences());
                ints(to, batch.positions());
                ints(to, batch.tokens());
                ints(to, batch.outputs());
            }
        }
    }

    static Step step(DataInputStream from) throws IOException {
        int number = from.readInt();
        List<Step.Work> works = new ArrayList<>();
        for (int i = count(from, 2 * Integer.BYTES); i > 0; i--) {
            int microBatch = from.readInt();
            List<Batch> batches = new ArrayList<>();
            for (int j = count(from, 6 * Integer.BYTES); j > 0; j--) {
                batches.add(new Batch(from.readInt(), from.readInt(), ints(from), ints(from), ints(from), ints(from)));
            }
            works.add(new Step.Work(microBatch, batches));
        }
        return new Step(number, works);
    }
}
