package io.maseparation.parallel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.maseparation.kernels.ArrayMemory;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.operations.KernelTarget;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.segments.Device;
import io.maseparation.moe.testing.TestCheckpoint;
import io.maseparation.parallel.engine.Completion;
import io.maseparation.parallel.engine.EngineLimits;
import io.maseparation.parallel.engine.GenerationRequest;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.run.ExecutionOptions;
import io.maseparation.parallel.run.RunFailedException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a model and its engines hold is freed in the moment when they are closed and its last user has ended. */
@Timeout(120)
class ModelMemoryTest {
    private static final ExecutionOptions OPTIONS = ExecutionOptions.defaults();
    private static final EngineLimits LIMITS = EngineLimits.of(1, 512);

    @TempDir
    Path temp;

    private Model open(boolean preset) {
        return preset
                ? Model.open("tiny")
                : Model.checkpoint(TestCheckpoint.of("mixtral", "{\"max_position_embeddings\": 512}", 5).write(temp));
    }

    private static boolean isThere(ModelWeights weights) {
        boolean there = weights.embedding().data().getSegment().scope().isAlive();
        assertThat(weights.finalNorm().getSegment().scope().isAlive()).isEqualTo(there);
        assertThat(weights.layers().getFirst().attention().q().data().getSegment().scope().isAlive()).isEqualTo(there);
        return there;
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void weightsGoWithTheModel(boolean preset) {
        long before = ArrayMemory.bytes();
        Model model = open(preset);
        ModelWeights weights = model.weights();
        // A checkpoint's matrices are mapped.
        long counted = ArrayMemory.bytes() - before;
        assertThat(counted).isGreaterThan(preset ? weights.bytes() : 0);
        Generation.of(model).prompt(1).maxTokens(2).run();
        assertThat(ArrayMemory.bytes() - before).isEqualTo(counted);
        assertThat(isThere(weights)).isTrue();
        model.close();
        assertThat(ArrayMemory.bytes()).isEqualTo(before);
        assertThat(isThere(weights)).isFalse();
        assertThatThrownBy(() -> weights.finalNorm().get(0)).isInstanceOf(IllegalStateException.class);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void weightsStayUntilTheLastEngineIsClosed(boolean preset) throws Exception {
        Model model = open(preset);
        ModelWeights weights = model.weights();
        Engine first = Engine.start(model, Layout.single(), LIMITS, OPTIONS);
        Engine second = Engine.start(model, Layout.separated(1, 1), LIMITS, OPTIONS);
        Completion runs = second.submit(GenerationRequest.ids(1).withMaxTokens(500).ignoringEos());
        runs.tokens().iterator().next();
        model.close();
        first.close();
        first.close();
        assertThat(isThere(weights)).isTrue();
        assertThatThrownBy(runs::result).isInstanceOf(RunFailedException.class).hasMessage("the model was closed");
        // An interrupt keeps nothing from being freed.
        Thread.currentThread().interrupt();
        second.close();
        assertThat(Thread.interrupted()).isTrue();
        assertThat(isThere(weights)).isFalse();
        assertThatThrownBy(() -> second.submit(GenerationRequest.ids(1)))
                .isInstanceOf(RunFailedException.class)
                .hasMessage("the engine is closed");
    }

    /** A device without bf16, and perhaps without fp16. */
    private static List<Device> devices(boolean fp16) {
        Device device = Device.forRanks(1).getFirst();
        KernelTarget t = device.target();
        return List.of(new Device(device.device(), new KernelTarget(
                t.name(), t.embedded(), t.vectorApi(), t.warpSums(), fp16, false, t.backend(), false, false, false,
                t.override())));
    }

    @Test
    void copiesOfWeightsGoWhenOthersTakeTheirPlaceOrTheModelIsClosed() {
        Model model = Model.checkpoint(TestCheckpoint.of("mixtral", "{\"dtype\": \"bfloat16\"}", 5)
                .type("BF16").write(temp));
        model.enter();
        ModelWeights halves = model.weightsFor(devices(true));
        assertThat(halves.embedding().type()).isEqualTo(DataType.F16);
        assertThat(model.weightsFor(devices(true))).isSameAs(halves);
        model.enter();
        ModelWeights floats = model.weightsFor(devices(false));
        assertThat(floats.embedding().type()).isEqualTo(DataType.F32);
        // Another run may be at the former ones.
        assertThat(halves.embedding().data().getSegment().scope().isAlive()).isTrue();
        model.leave();
        ModelWeights again = model.weightsFor(devices(true));
        assertThat(halves.embedding().data().getSegment().scope().isAlive()).isFalse();
        assertThat(floats.embedding().data().getSegment().scope().isAlive()).isFalse();
        model.close();
        assertThat(again.embedding().data().getSegment().scope().isAlive()).isTrue();
        model.leave();
        assertThat(again.embedding().data().getSegment().scope().isAlive()).isFalse();
    }

    @Test
    void weightsGoWhateverCallbacksDo() throws Exception {
        long before = ArrayMemory.bytes();
        CountDownLatch end = new CountDownLatch(1);
        CountDownLatch called = new CountDownLatch(2);
        Model model = open(true);
        ModelWeights weights = model.weights();
        Engine engine = Engine.start(model, Layout.single(), LIMITS, OPTIONS);
        CompletableFuture<Boolean> there = new CompletableFuture<>();
        AtomicLong took = new AtomicLong();
        Completion waits = engine.submit(GenerationRequest.ids(1).onToken(token -> {
            called.countDown();
            while (end.getCount() > 0) {
                try {
                    end.await();
                } catch (InterruptedException e) {
                    // It is one that cannot be ended.
                }
            }
        }));
        engine.submit(GenerationRequest.ids(1).onToken(token -> {
            called.countDown();
            model.close();
            long start = System.nanoTime();
            engine.close();
            took.set(System.nanoTime() - start);
            there.complete(isThere(weights));
        }));
        called.await();
        assertThat(there.get(20, TimeUnit.SECONDS)).isFalse();
        assertThat(took).as("ns for the end of an engine").hasValueLessThan(4_000_000_000L);
        assertThat(ArrayMemory.bytes()).isEqualTo(before);
        assertThatThrownBy(waits::result).isInstanceOf(RunFailedException.class);
        end.countDown();
    }

    /** A rank has ten seconds to end. */
    @Test
    @Tag("long")
    void weightsStayAsLongAsARankRunsAndGoWhenTheEngineIsClosedAgain() throws Exception {
        long before = ArrayMemory.bytes();
        CountDownLatch end = new CountDownLatch(1);
        CountDownLatch called = new CountDownLatch(1);
        Model model = open(true);
        ModelWeights weights = model.weights();
        Engine engine = Engine.start(model, Layout.single(), LIMITS, OPTIONS.withOnToken(sequence -> {
            called.countDown();
            while (end.getCount() > 0) {
                Thread.onSpinWait();
            }
        }));
        engine.submit(GenerationRequest.ids(1));
        called.await();
        model.close();
        engine.close();
        assertThat(isThere(weights)).isTrue();
        end.countDown();
        engine.close();
        assertThat(isThere(weights)).isFalse();
        assertThat(ArrayMemory.bytes()).isEqualTo(before);
        engine.close();
    }
}
