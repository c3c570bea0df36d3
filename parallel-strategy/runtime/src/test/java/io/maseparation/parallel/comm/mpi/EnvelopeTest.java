package io.maseparation.parallel.comm.mpi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.maseparation.parallel.comm.Message;
import io.maseparation.parallel.comm.MessageKey;
import io.maseparation.parallel.layout.Tensor;
import io.maseparation.parallel.run.RunFailedException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What travels is what arrives; what makes no sense is refused before anything is made of it. */
class EnvelopeTest {
    private final Random random = new Random();

    private static MemorySegment memory(long bytes) {
        return Arena.ofAuto().allocate(bytes, Long.BYTES);
    }

    private Message message() {
        int[] ints = random.ints(random.nextInt(20)).toArray();
        float[] floats = new float[random.nextInt(2000)];
        for (int i = 0; i < floats.length; i++) {
            floats[i] = Float.intBitsToFloat(random.nextInt());
        }
        return new Message(ints, floats);
    }

    @Test
    void aMessageArrivesAsItWasSent() {
        for (int times = 0; times < 200; times++) {
            MessageKey key = new MessageKey(random.nextInt(99), Tensor.values()[random.nextInt(Tensor.values().length)],
                    random.nextInt(), random.nextInt(), random.nextInt(), random.nextInt());
            Message sent = message();
            MemorySegment travels = memory(Envelope.bytes(sent));
            Envelope.write(travels, key, sent);

            assertThat(Envelope.kind(key.from(), travels)).isEqualTo(Envelope.MESSAGE);
            Envelope.Addressed came = Envelope.message(key.from(), travels);
            assertThat(came.key()).isEqualTo(key);
            assertThat(came.message().ints()).isEqualTo(sent.ints());
            for (int i = 0; i < sent.floats().length; i++) {
                assertThat(Float.floatToRawIntBits(came.message().floats()[i]))
                        .isEqualTo(Float.floatToRawIntBits(sent.floats()[i]));
            }
        }
        byte[] note = new byte[random.nextInt(99)];
        random.nextBytes(note);
        MemorySegment travels = memory(Envelope.bytes(note));
        Envelope.write(travels, note);
        assertThat(Envelope.kind(1, travels)).isEqualTo(Envelope.NOTE);
        assertThat(Envelope.note(travels)).isEqualTo(note);
    }

    @Test
    void lengthsThatDoNotFitAreRefused() {
        Message sent = new Message(new int[3], new float[5]);
        long bytes = Envelope.bytes(sent);
        MemorySegment good = memory(bytes + 4);
        Envelope.write(good, new MessageKey(1, Tensor.HIDDEN, 0, 0, 0, 0), sent);

        assertRefused(good, 7, "integers and");
        for (long length : new long[] {0, 3, 4, 28, bytes - 4, bytes + 4}) {
            assertRefusedAsItIs(good.asSlice(0, length));
        }
        // What is carried, and how many integers and floats.
        for (int word : new int[] {1, 6, 7}) {
            for (int value : new int[] {-1, Integer.MIN_VALUE, Integer.MAX_VALUE, 9999}) {
                MemorySegment damaged = memory(bytes).copyFrom(good.asSlice(0, bytes));
                damaged.set(ValueLayout.JAVA_INT, 4L * word, value);
                assertRefusedAsItIs(damaged);
            }
        }
    }

    private static void assertRefused(MemorySegment message, int word, String text) {
        MemorySegment damaged = memory(message.byteSize()).copyFrom(message);
        damaged.set(ValueLayout.JAVA_INT, 4L * word, 1 << 30);
        assertThatThrownBy(() -> Envelope.message(1, damaged)).hasMessageContaining(text)
                .hasMessageContaining("rank 1");
    }

    private static void assertRefusedAsItIs(MemorySegment message) {
        assertThatThrownBy(() -> {
            assertThat(Envelope.kind(1, message)).isEqualTo(Envelope.MESSAGE);
            Envelope.message(1, message);
        }).isInstanceOf(RunFailedException.class).hasMessageStartingWith("rank 1 sent ");
    }

    @Test
    void theLauncherSaysTheRank() {
        assertThat(MpiProcesses.launchedAs(Map.of("OMPI_COMM_WORLD_RANK", "3", "PMIX_RANK", "1"))).hasValue(3);
        assertThat(MpiProcesses.launchedAs(Map.of("PMIX_RANK", "12"))).hasValue(12);
        assertThat(MpiProcesses.launchedAs(Map.of("OMPI_COMM_WORLD_RANK", "x"))).isEqualTo(OptionalInt.empty());
        assertThat(MpiProcesses.launchedAs(Map.of())).isEmpty();
    }
}
