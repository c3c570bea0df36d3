package io.maseparation.bench.peers;

import io.maseparation.files.Text;
import io.maseparation.kernels.ArrayMemory;
import io.maseparation.kernels.DataType;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.Presets;
import io.maseparation.moe.RandomWeights;
import io.maseparation.parallel.Model;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * A model of olmoe-1b-7b's shape, with some of its layers, computed by this project and by llama.cpp from the same
 * weights: this one from a checkpoint as Hugging Face keeps it, that one from GGUF. In turns in one process, a process
 * for each number of threads, after their logits were compared.
 */
final class ModelTable {
    /** Of sixteen: so that both files stay in the memory of a machine of 16 GB. */
    private static final int LAYERS = 4;
    /** Rounds, if no other number is given. */
    static final int ROUNDS = 7;

    private static final String CHECKPOINT = "checkpoint";
    private static final String GGUF = "model.gguf";

    private ModelTable() {}

    /** Prints a table. */
    static void print(int rounds) throws IOException, InterruptedException {
        int cores = Runtime.getRuntime().availableProcessors();
        Path folder = NativeLibrary.folder("ggml").resolveSibling("model");
        // What a run that was killed has left.
        delete(folder);
        try {
            write(config(), Files.createDirectory(folder));
            System.out.printf(
                    "%d layers of olmoe-1b-7b, fp16 weights and cache; tokens a second (one thread: of its time), ours /"
                            + " llama.cpp's: median (least to most) of %d rounds, above 1 ours is faster%n",
                    LAYERS, rounds);
            System.out.println("| threads | work | ours | llama.cpp | ours / llama.cpp |\n|---|---|---|---|---|");
            for (int threads : IntStream.of(1, cores).distinct().toArray()) {
                int status = PeerTable.process(
                        ModelTable.class, List.of("-XX:ActiveProcessorCount=" + threads), folder.toString(),
                        String.valueOf(rounds));
                if (status != 0) {
                    throw new IllegalStateException("the run with %s failed".formatted(Text.count(threads, "thread")));
                }
            }
        } finally {
            delete(folder);
        }
    }

    /** The model's shape. */
    private static ModelConfig config() {
        ModelConfig whole = Presets.config("olmoe-1b-7b").withWeightType(DataType.F16);
        return whole.withLayers(whole.layers().subList(0, LAYERS));
    }

    private static void write(ModelConfig config, Path folder) throws IOException {
        Path checkpoint = Files.createDirectory(folder.resolve(CHECKPOINT));
        // Free before anything is measured.
        try (ArrayMemory memory = new ArrayMemory()) {
            OlmoeCheckpoint.write(memory.make(() -> RandomWeights.create(config, 0)), checkpoint);
        }
        // Of what the checkpoint holds: its vectors are rounded.
        try (Model model = Model.checkpoint(checkpoint)) {
            OlmoeGguf.write(model.weights(), folder.resolve(GGUF));
        }
    }

    private static void delete(Path folder) throws IOException {
        if (!Files.exists(folder)) {
            return;
        }
        try (Stream<Path> files = Files.walk(folder)) {
            files.sorted(Comparator.reverseOrder()).forEach(file -> {
                try {
                    Files.delete(file);
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
        }
    }

    /** Measures a folder's model on all cores of this process: folder, rounds. */
    public static void main(String[] args) {
        Path folder = Path.of(args[0]);
        int rounds = Integer.parseInt(args[1]);
        int threads = Runtime.getRuntime().availableProcessors();
        Llama llama = new Llama(folder.resolve(GGUF), threads);
        try (Model model = Model.checkpoint(folder.resolve(CHECKPOINT))) {
            for (ModelWork work : ModelWork.ALL) {
                ModelRounds measured = new ModelRounds(model, llama, work);
                System.err.printf("%s, %s: %s%n", work.name(), Text.count(threads, "thread"), measured.check());
                double[][] rates = measured.rates(rounds);
                System.out.printf("| %d | %s | %.1f | %.1f |%s%n", threads, work.name(), PeerTable.median(rates[0]),
                        PeerTable.median(rates[1]), PeerTable.ratio(rates[0], rates[1]));
            }
        }
    }
}
