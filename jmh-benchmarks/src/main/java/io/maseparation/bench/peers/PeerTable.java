package io.maseparation.bench.peers;

import io.maseparation.kernels.DataType;
import io.maseparation.kernels.OpCost;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * This project's kernels and peers' in turns in one process, a process for each shape: time of ours, and ours over
 * theirs (above 1 the peer is faster) as the median of the rounds with the least and the most. Minutes, where JMH's
 * benchmarks of the same classes take hours and compare what ran at different times. From the root of the project:
 *
 * <pre>{@code
 * ./mvnw -q package -Dlauncher -Dpeers=decode
 * }</pre>
 *
 * With {@code JAVA_TOOL_OPTIONS=-XX:ActiveProcessorCount=1} all have one core and are compared by its time, which other
 * programs on the machine change little.
 *
 * <p>Arguments: {@code decode} (1 and 8 rows of every model, fp16 weights), {@code prefill} (64 and 512 rows), {@code
 * formats} (the seed's model in every format), {@code model} (a whole model beside llama.cpp: {@link ModelTable}),
 * {@code quick} (one shape) or {@code none}; then rounds (9 if not given, 7 of a whole model).
 */
public final class PeerTable {
    private static final int CORES = Runtime.getRuntime().availableProcessors();
    private static final ProcessClock PROCESS = new ProcessClock();
    private static final int ROUNDS = 9;
    /** Until Java is compiled. */
    private static final long WARM_NANOS = 3_000_000_000L;
    /** A turn is as many executions as fit, at least one. */
    private static final long TURN_NANOS = 40_000_000;

    private static final String PROJECTION = "projection";
    private static final String EXPERTS = "experts";
    private static final String DECODE = "decode attention";
    private static final String PREFILL = "prefill attention";
    /** Of the names of operations, where ggml's cache is in llama.cpp's order. */
    private static final String LLAMA = ", llama.cpp's cache";

    /** A whole model, which is no set of shapes. */
    private static final String MODEL = "model";

    private static final List<PeerModel> MODELS = List.of(PeerModel.values());
    private static final List<DataType> HALF = List.of(DataType.F16);
    private static final List<DataType> CACHES = List.of(DataType.F32, DataType.F16);

    private record Shapes(String operation, List<PeerModel> models, List<DataType> types, List<Integer> rows) {}

    private PeerTable() {}

    /** What a name stands for. */
    private static List<Shapes> subset(String name) {
        return switch (name) {
            // Steps of one and of eight sequences.
            case "decode" -> List.of(
                    new Shapes(PROJECTION, MODELS, HALF, List.of(1, 8)),
                    new Shapes(EXPERTS, MODELS, HALF, List.of(1, 8)),
                    new Shapes(DECODE, MODELS, CACHES, List.of(1, 8)),
                    new Shapes(DECODE + LLAMA, MODELS, HALF, List.of(1, 8)));
            // Many rows.
            case "prefill" -> List.of(
                    new Shapes(PROJECTION, MODELS, HALF, List.of(64, 512)),
                    new Shapes(EXPERTS, MODELS, HALF, List.of(64)),
                    new Shapes(PREFILL, MODELS, CACHES, List.of(512)));
            // Each format of weights.
            case "formats" -> List.of(
                    new Shapes(
                            PROJECTION, List.of(PeerModel.seed), List.of(DataType.values()), List.of(1, 8, 64, 512)));
            // One shape, to see whether everything is there.
            case "quick" -> List.of(
                    new Shapes(PROJECTION, List.of(PeerModel.olmoe_1b_7b), List.of(DataType.F32), List.of(8)));
            // For those who want the libraries only.
            case "none" -> List.of();
            default -> throw new IllegalArgumentException(
                    name + " is not a subset: decode, prefill, formats, model, quick and none are");
        };
    }

    /** Prints a table. */
    public static void main(String[] args) throws IOException, InterruptedException {
        if (args.length == 5) {
            one(args[0], PeerModel.valueOf(args[1]), DataType.valueOf(args[2]), Integer.parseInt(args[3]),
                    Integer.parseInt(args[4]));
            return;
        }
        if (args.length > 0 && args[0].equals(MODEL)) {
            ModelTable.print(args.length > 1 ? Integer.parseInt(args[1]) : ModelTable.ROUNDS);
            return;
        }
        List<Shapes> subset = subset(args.length == 0 ? "" : args[0]);
        String rounds = args.length > 1 ? args[1] : String.valueOf(ROUNDS);
        if (!subset.isEmpty()) {
            System.out.printf(
                    "%s; ours / peer: median (least to most) of %s rounds%n",
                    CORES == 1 ? "one core, its time" : CORES + " cores", rounds);
            System.out.println("| operation | model | format | rows | ours, ms | GB/s | GFLOP/s | ggml | OpenBLAS"
                    + " | oneDNN | PyTorch | Jlama |\n|---|---|---|---|---|---|---|---|---|---|---|---|");
        }
        for (Shapes s : subset) {
            for (PeerModel model : s.models) {
                for (DataType type : s.types) {
                    for (int rows : s.rows) {
                        process(s.operation, model.name(), type.name(), String.valueOf(rows), rounds);
                    }
                }
            }
        }
    }

    /** Runs one shape in a process of its own. */
    private static void process(String... arguments) throws IOException, InterruptedException {
        int status = process(PeerTable.class, List.of(), arguments);
        if (status != 0) {
            System.out.printf("| %s | failed (%d) |%n", String.join(" | ", arguments), status);
        }
    }

    /** The exit status of a class that is run in a process of its own, with this one's options and others. */
    static int process(Class<?> main, List<String> options, String... arguments)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
        command.addAll(options);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
        command.addAll(List.of(arguments));
        return new ProcessBuilder(command).inheritIO().start().waitFor();
    }

    private static void one(String operation, PeerModel model, DataType type, int rows, int rounds) {
        Trial trial = new Trial(benchmark(operation, model, type, rows)::operation);
        List<Runnable> all = new ArrayList<>();
        all.add(trial.ours());
        Map<Peer, Integer> index = new EnumMap<>(Peer.class);
        for (Peer peer : Peer.values()) {
            try {
                all.add(trial.checked(peer));
                index.put(peer, all.size() - 1);
            } catch (UnsupportedOperationException none) {
                // The column says so.
            } catch (IllegalStateException e) {
                System.err.printf("%s, %s, %s, %d rows: %s%n", operation, model, type, rows, e.getMessage());
            }
        }
        turn(all.getFirst(), WARM_NANOS);
        Integer java = index.get(Peer.jlama);
        if (java != null) {
            turn(all.get(java), WARM_NANOS);
        }
        double[][] times = new double[all.size()][rounds];
        for (int round = 0; round < rounds; round++) {
            for (int i = 0; i < times.length; i++) {
                // Threads of the one before may still be spinning.
                all.get(i).run();
                times[i][round] = turn(all.get(i), TURN_NANOS);
            }
        }
        double ours = median(times[0]);
        OpCost cost = trial.cost();
        StringBuilder line = new StringBuilder();
        line.append("| %s | %s | %s | %d | %.3f | %.1f | %.0f |".formatted(
                operation, model.name().replace('_', '-'), type.name().toLowerCase(Locale.ROOT), rows, ours / 1e6,
                cost.bytes() / ours, cost.flops() / ours));
        for (Peer peer : Peer.values()) {
            Integer i = index.get(peer);
            line.append(i == null ? " – |" : ratio(times[0], times[i]));
        }
        System.out.println(line);
    }

    private static PeerBenchmark benchmark(String operation, PeerModel model, DataType type, int rows) {
        return switch (operation) {
            case PROJECTION -> {
                PeerProjectionBenchmark projection = new PeerProjectionBenchmark();
                projection.model = model;
                projection.type = type;
                projection.rows = rows;
                yield projection;
            }
            case EXPERTS -> {
                PeerExpertBenchmark experts = new PeerExpertBenchmark();
                experts.model = model;
                experts.type = type;
                experts.rows = rows;
                yield experts;
            }
            case DECODE, DECODE + LLAMA -> {
                PeerDecodeAttentionBenchmark attention = new PeerDecodeAttentionBenchmark();
                attention.model = model;
                attention.type = type;
                attention.rows = rows;
                attention.order = operation.endsWith(LLAMA) ? PeerCacheOrder.positions : PeerCacheOrder.heads;
                yield attention;
            }
            case PREFILL -> {
                PeerPrefillAttentionBenchmark attention = new PeerPrefillAttentionBenchmark();
                attention.model = model;
                attention.type = type;
                attention.rows = rows;
                attention.order = PeerCacheOrder.heads;
                yield attention;
            }
            default -> throw new IllegalArgumentException(operation);
        };
    }

    /** How often the first of a pair holds the second: median, least and most. */
    static String ratio(double[] ours, double[] theirs) {
        double[] ratios = IntStream.range(0, ours.length)
                .mapToDouble(round -> ours[round] / theirs[round])
                .sorted()
                .toArray();
        return " %.2f (%.2f to %.2f) |".formatted(median(ratios), ratios[0], ratios[ratios.length - 1]);
    }

    /** Nanoseconds of one of as many executions as fit into a time. */
    private static double turn(Runnable run, long nanos) {
        long start = now();
        int times = 0;
        long now;
        do {
            run.run();
            times++;
            now = now();
        } while (now - start < nanos);
        return (now - start) / (double) times;
    }

    /**
     * Time of the process where there is one core, of which other programs take nothing, and else of the clock, since
     * threads that wait by spinning count, too.
     */
    static long now() {
        return CORES == 1 ? PROCESS.nanos() : System.nanoTime();
    }

    /** The middle one, or the larger one of two in the middle. */
    static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return sorted[sorted.length / 2];
    }
}
