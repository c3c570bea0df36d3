package io.maseparation.parallel.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.files.ModelException;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.Presets;
import io.maseparation.moe.testing.Fuzz;
import io.maseparation.parallel.simulate.RoutingModel;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;

/**
 * Whatever a trace of recorded choices of experts says, reading it gives choices that a model can make, or a complaint
 * of one line, and takes little memory. {@code -Dma.fuzzTimes=N} does N times as much.
 */
class RoutingFileFuzzTest {
    private static final ModelConfig TINY = Presets.config("tiny");
    private static Path file;

    @BeforeContainer
    static void create() throws IOException {
        file = Files.createTempFile("trace", ".json");
    }

    @AfterContainer
    static void delete() throws IOException {
        Files.delete(file);
    }

    @Property(tries = 150)
    void traces(@ForAll long seed) throws IOException {
        Random random = new Random(seed);
        for (int i = 0; i < Fuzz.TIMES; i++) {
            String text = trace(random);
            byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
            Files.write(file, random.nextInt(3) == 0 ? Fuzz.damaged(bytes, random) : bytes);
            assertThat(Fuzz.allocated(() -> choose(text, seed))).as(text).isLessThan(Fuzz.MOST_BYTES);
        }
    }

    /** Mostly right: what is wrong is in one place of many. */
    private static String trace(Random random) {
        StringBuilder text =
                new StringBuilder("{\"").append(random.nextInt(20) == 0 ? "layer" : "layers").append("\": [");
        int layers = random.nextInt(4);
        for (int layer = 0; layer < layers; layer++) {
            text.append(layer == 0 ? "[" : ", [");
            int tokens = random.nextInt(20) == 0 ? 0 : 1 + random.nextInt(4);
            for (int token = 0; token < tokens; token++) {
                int first = random.nextInt(TINY.maxExperts() + (random.nextInt(20) == 0 ? 1 : 0));
                int second = random.nextInt(20) == 0 ? first : (first + 1) % TINY.maxExperts();
                text.append(token == 0 ? "" : ", ").append(random.nextInt(20) == 0
                        ? Fuzz.value(random)
                        : Arrays.toString(new int[] {first, second}));
            }
            text.append(random.nextInt(40) == 0 ? "], " + Fuzz.value(random) : "]");
        }
        return text.append(random.nextInt(20) == 0 ? "], \"" + layers + "\": " + Fuzz.value(random) : "]")
                .append('}').toString();
    }

    private static void choose(String text, long seed) {
        try {
            RoutingModel routing = RoutingModel.parse(file.toString(), TINY);
            int[] chosen = new int[TINY.maxTopK()];
            for (int step = 0; step < 5; step++) {
                routing.choose(seed, step, step, Math.floorMod(seed, 1 << 20), chosen, TINY.maxExperts());
                assertThat(chosen).as(text).doesNotHaveDuplicates();
                assertThat(Arrays.stream(chosen).allMatch(e -> e >= 0 && e < TINY.maxExperts())).as(text).isTrue();
            }
        } catch (ModelException e) {
            assertThat(e.getMessage()).as(text).startsWith(file.toString()).matches("[^\\p{Cntrl}]{1,480}");
        }
    }
}
