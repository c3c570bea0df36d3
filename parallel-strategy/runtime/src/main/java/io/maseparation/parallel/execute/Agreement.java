package io.maseparation.parallel.execute;

import io.maseparation.kernels.DataType;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.segments.Device;
import io.maseparation.parallel.comm.Processes;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.run.RunFailedException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * Whether all processes are about to run the same thing: each says a few hashes to the leader, which compares them
 * before anything is allocated, and then tells all what is to be generated.
 */
public final class Agreement {
    private static final int LEADER = 0;
    /** Separates facts of a note. */
    private static final String BETWEEN = "\n";

    private final Map<String, String> facts = new LinkedHashMap<>();

    /** Nothing to agree about yet. */
    public Agreement() {}

    /** Something that came. */
    private record Told(int from, byte[] note, boolean broken) {}

    /**
     * Adds something that has to be the same everywhere.
     *
     * @param name what it is, as a word for a message
     * @param value all that belongs to it
     * @return this
     */
    public Agreement on(String name, Object... value) {
        facts.put(name, hash(Arrays.toString(value).getBytes(StandardCharsets.UTF_8)));
        return this;
    }

    /**
     * Adds a plan and what ranks hold by it.
     *
     * @param plan the plan
     * @return this
     */
    public Agreement on(Plan plan) {
        return on("plan", plan.setup(), plan.ranks(), plan.groups(), plan.devices());
    }

    /**
     * {@return what goes before everything else: the build, the model, the plan and the kind of device}
     *
     * @param plan the plan of the run
     * @param model hash of what the model was read from
     * @param device the device of this process's rank
     */
    public static Agreement of(Plan plan, String model, Device device) {
        return new Agreement()
                .onBuild()
                .on("model", model, plan.config())
                .on(plan)
                .on("device", device.backend(), device.target().choose().body());
    }

    /**
     * Adds the program itself: the classes of this library and of those below it.
     *
     * @return this
     */
    public Agreement onBuild() {
        return on("build", Stream.of(Agreement.class, ModelConfig.class, DataType.class)
                .map(Agreement::source)
                .distinct()
                .map(Agreement::hashOfAll)
                .toList());
    }

    private static Path source(Class<?> of) {
        try {
            return Path.of(Objects.requireNonNull(of.getProtectionDomain().getCodeSource(), "classes come from a file")
                    .getLocation().toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    /** A jar, or a folder of classes. */
    private static String hashOfAll(Path source) {
        MessageDigest digest = sha();
        try (Stream<Path> files = Files.walk(source)) {
            List<Path> classes = files.filter(Files::isRegularFile).sorted().toList();
            for (Path file : classes) {
                digest.update(source.relativize(file).toString().getBytes(StandardCharsets.UTF_8));
                digest.update(Files.readAllBytes(file));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    private static String hash(byte[] bytes) {
        return HexFormat.of().formatHex(sha().digest(bytes));
    }

    private static MessageDigest sha() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every JVM has it", e);
        }
    }

    /**
     * Compares what was added with all other processes. To be called by all of them.
     *
     * @param processes all of them
     * @param word what the leader tells all others then; not looked at elsewhere
     * @return the leader's word
     * @throws RunFailedException on the leader, naming the rank, if anything differs; or if the thread is interrupted
     */
    public byte[] reach(Processes processes, byte[] word) {
        return ask(processes, note(), others -> {
            others.forEach(this::compare);
            return word;
        });
    }

    /**
     * Has each process say something to all of them. To be called by all of them.
     *
     * @param processes all of them
     * @param own what this one says, in one line
     * @return what each says, by rank
     * @throws RunFailedException if the thread is interrupted
     */
    public static List<String> exchange(Processes processes, String own) {
        byte[] all = ask(processes, own.getBytes(StandardCharsets.UTF_8), others -> {
            String[] said = new String[processes.size()];
            said[LEADER] = own;
            others.forEach(other -> said[other.from()] = new String(other.note(), StandardCharsets.UTF_8));
            return String.join(BETWEEN, said).getBytes(StandardCharsets.UTF_8);
        });
        return List.of(new String(all, StandardCharsets.UTF_8).split(BETWEEN, -1));
    }

    /** Has the leader answer what all others say, and all of them know the answer. */
    private static byte[] ask(Processes processes, byte[] own, Function<List<Told>, byte[]> leader) {
        BlockingQueue<Told> notes = new LinkedBlockingQueue<>();
        processes.listen(new Processes.Listener() {
            @Override
            public void told(int from, byte[] note) {
                notes.add(new Told(from, note, false));
            }

            @Override
            public void broken(RuntimeException cause) {
                notes.add(new Told(processes.rank(),
                        String.valueOf(cause.getMessage()).getBytes(StandardCharsets.UTF_8), true));
            }
        });
        try {
            if (processes.rank() != LEADER) {
                processes.tell(LEADER, own);
                byte[] told = next(notes).note();
                processes.keep();
                return told;
            }
            List<Told> others = new ArrayList<>();
            for (int i = 1; i < processes.size(); i++) {
                others.add(next(notes));
            }
            processes.keep();
            byte[] word = leader.apply(others);
            for (int other = 1; other < processes.size(); other++) {
                processes.tell(other, word);
            }
            return word;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new RunFailedException("interrupted", e);
        }
    }

    private static Told next(BlockingQueue<Told> notes) throws InterruptedException {
        Told told = notes.take();
        if (told.broken()) {
            throw new RunFailedException(new String(told.note(), StandardCharsets.UTF_8), null);
        }
        return told;
    }

    private byte[] note() {
        return String.join(BETWEEN, facts.values()).getBytes(StandardCharsets.UTF_8);
    }

    private void compare(Told other) {
        String[] theirs = new String(other.note(), StandardCharsets.UTF_8).split(BETWEEN, -1);
        int i = 0;
        for (Map.Entry<String, String> fact : facts.entrySet()) {
            if (i >= theirs.length || !theirs[i].equals(fact.getValue())) {
                throw new RunFailedException(
                        "rank %d has another %s than rank 0: start all ranks with the same program, model and command line"
                                .formatted(other.from(), fact.getKey()),
                        null);
            }
            i++;
        }
    }
}
