package io.maseparation.parallel.calibrate;

import io.maseparation.files.Text;
import io.maseparation.moe.segments.Device;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.HostSharing;
import io.maseparation.parallel.cluster.Link;
import io.maseparation.parallel.cluster.Links;
import io.maseparation.parallel.comm.InProcessCommunicator;
import io.maseparation.parallel.comm.Processes;
import io.maseparation.parallel.comm.RunAbortedException;
import io.maseparation.parallel.execute.Agreement;
import io.maseparation.parallel.run.RunFailedException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Measures messages between the processes of a job: of one host, and of different hosts. Process 0 leads and says which
 * two exchange messages; all others do what it says, and sleep meanwhile.
 */
public final class LinkProbe {
    private static final int LEADER = 0;
    /** Separates words of a note. */
    private static final String BETWEEN = " ";
    /** Time that a broken job has to say why it is. */
    private static final long REASON_SECONDS = 1;

    private static final String LEAD = "lead";
    private static final String ANSWER = "answer";
    private static final String TIMES = "times";
    private static final String END = "end";

    private final Processes processes;
    private final List<Place> places;
    private final ProcessHosts hosts;
    private final BlockingQueue<Told> notes = new LinkedBlockingQueue<>();
    private final Map<LinkTimes.Between, List<double[]>> rounds = new EnumMap<>(LinkTimes.Between.class);

    /** Something that came from another process, or why nothing comes any more. */
    private record Told(List<String> words, Optional<RuntimeException> broken) {}

    /** Something that waits for other processes. */
    private interface Wait<T> {
        T get() throws InterruptedException;
    }

    /**
     * Where a process is.
     *
     * @param host name of its host
     * @param gpu which GPU it computes on; empty if none, or not known
     * @param device what it computes on
     */
    record Place(String host, String gpu, String device) {
        private static final String BETWEEN = "\t";

        static Place of(String host, Device device) {
            boolean embedded = device.target().embedded();
            return new Place(host, device.id().orElse(""), "%s %s".formatted(device.name(), embedded
                    ? "of " + Text.count(Runtime.getRuntime().availableProcessors(), "core")
                    : device.hardware()));
        }

        String line() {
            return List.of(host, gpu, device).stream().map(Text::printable).collect(Collectors.joining(BETWEEN));
        }

        static Place read(String line) {
            String[] fields = line.split(BETWEEN, -1);
            if (fields.length != 3) {
                throw new RunFailedException("another process says of its device: " + Text.printable(line), null);
            }
            return new Place(fields[0], fields[1], fields[2]);
        }
    }

    private LinkProbe(Processes processes, List<Place> places) {
        this.processes = processes;
        this.places = places;
        hosts = ProcessHosts.of(places.stream().map(Place::host).toList());
        processes.listen(new Processes.Listener() {
            @Override
            public void told(int from, byte[] note) {
                notes.add(new Told(
                        List.of(new String(note, StandardCharsets.UTF_8).split(BETWEEN, -1)), Optional.empty()));
            }

            @Override
            public void broken(RuntimeException cause) {
                notes.add(new Told(List.of(), Optional.of(cause)));
            }
        });
    }

    /**
     * All processes say where they are. To be called by all of them.
     *
     * @param processes all of them, at least two
     * @param host what no other host than this process's is called
     * @param device what this process computes on
     * @return what measures their links
     * @throws RunFailedException if another process is of another build, or does not do the same
     */
    public static LinkProbe join(Processes processes, String host, Device device) {
        return join(processes, Place.of(host, device));
    }

    static LinkProbe join(Processes processes, Place place) {
        new Agreement().onBuild().on("command line", LinkProbe.class.getName()).reach(processes, new byte[0]);
        return new LinkProbe(
                processes, Agreement.exchange(processes, place.line()).stream().map(Place::read).toList());
    }

    /** {@return a line for each process whose device is not like that of process 0} */
    public List<String> otherDevices() {
        Place measured = places.getFirst();
        return IntStream.range(0, places.size())
                .filter(rank -> !places.get(rank).device().equals(measured.device()))
                .mapToObj(rank -> "rank %d is on %s, and the profile has the times of rank 0's %s for all".formatted(
                        rank, places.get(rank).device(), measured.device()))
                .toList();
    }

    /**
     * Does what process 0 says, until it says that all is measured. For all other processes.
     *
     * @throws RunFailedException if messages do not move any more, or the thread is interrupted
     */
    public void follow() {
        while (true) {
            List<String> words = orFail(this::next);
            switch (words.getFirst()) {
                case LEAD -> processes.tell(LEADER, note(TIMES, Arrays.stream(lead(number(words)))
                        .mapToObj(String::valueOf)
                        .collect(Collectors.joining(BETWEEN))));
                case ANSWER -> answer(number(words));
                case END -> {
                    processes.keep();
                    return;
                }
                default -> throw senseless(words);
            }
        }
    }

    /**
     * Has all messages go once that do so in a round, which does not count: connections are made by that. For process
     * 0, as what follows.
     *
     * @throws RunFailedException if messages do not move any more, or the thread is interrupted
     */
    public void warmUp() {
        measure();
        rounds.clear();
    }

    /**
     * Measures all links once more.
     *
     * @throws RunFailedException if messages do not move any more, or the thread is interrupted
     */
    public void measure() {
        add(LinkTimes.Between.THREADS, orFail(LinkProbe::threads));
        hosts.inside().forEach(pair -> add(LinkTimes.Between.PROCESSES, times(pair)));
        hosts.between().forEach(pair -> add(LinkTimes.Between.HOSTS, times(pair)));
    }

    /** Tells all others that everything is measured. */
    public void end() {
        for (int other = 1; other < processes.size(); other++) {
            processes.tell(other, note(END, ""));
        }
        processes.keep();
    }

    /** {@return what was measured, by what links connect; at least one round is needed} */
    public List<LinkTimes> links() {
        return rounds.entrySet().stream()
                .map(of -> LinkTimes.of(of.getKey(), pairs(of.getKey()), of.getValue()))
                .toList();
    }

    /**
     * {@return a profile of the job} On one host it has as many devices as before, on several a node for each, with a
     * device for each process.
     *
     * @param threads the same of process 0 alone
     */
    public Calibration of(Calibration threads) {
        Cluster alone = threads.cluster();
        Map<LinkTimes.Between, Link> links = links().stream()
                .collect(Collectors.toMap(LinkTimes::between, LinkTimes::link));
        // Where there is one process on each host nothing goes between two of them.
        Link inside = links.getOrDefault(LinkTimes.Between.PROCESSES, alone.links().intraNode());
        int nodes = hosts.ranks().size();
        Cluster cluster = new Cluster(
                alone.name(),
                "%s devices, processes of %s".formatted(alone.kinds().getFirst().name(), Text.count(nodes, "host")),
                alone.kinds(),
                nodes == 1 ? alone.devices() : hosts.devices(),
                new Links(inside, links.getOrDefault(LinkTimes.Between.HOSTS, inside), Double.POSITIVE_INFINITY),
                sharing(alone.host()),
                alone.collectives(),
                alone.profile());
        return new Calibration(cluster, threads.fits(), threads.split());
    }

    /** Processes take the GPUs of their host in turn, of which each sees one. */
    private HostSharing sharing(HostSharing alone) {
        if (!alone.queues() || places.stream().anyMatch(place -> place.gpu().isEmpty())) {
            return alone;
        }
        int gpus = hosts.ranks().stream()
                .mapToInt(host -> (int) host.stream().map(rank -> places.get(rank).gpu()).distinct().count())
                .min()
                .orElseThrow();
        return new HostSharing(alone.cores(), gpus, alone.contention(), alone.variation());
    }

    private int pairs(LinkTimes.Between between) {
        return switch (between) {
            case THREADS -> 1;
            case PROCESSES -> hosts.inside().size();
            case HOSTS -> hosts.between().size();
        };
    }

    private void add(LinkTimes.Between between, double[] times) {
        rounds.computeIfAbsent(between, kind -> new ArrayList<>()).add(times);
    }

    private static double[] threads() throws InterruptedException {
        InProcessCommunicator memory = new InProcessCommunicator(2);
        List<double[]> times = new ArrayList<>();
        Calibrator.atOnce(memory, () -> times.add(PairProbe.lead(memory, 0, 1)), () -> PairProbe.answer(memory, 1, 0));
        return times.getFirst();
    }

    private double[] times(ProcessHosts.Pair pair) {
        if (pair.second() != LEADER) {
            processes.tell(pair.second(), note(ANSWER, String.valueOf(pair.first())));
        }
        if (pair.first() == LEADER) {
            return lead(pair.second());
        }
        processes.tell(pair.first(), note(LEAD, String.valueOf(pair.second())));
        if (pair.second() == LEADER) {
            answer(pair.first());
        }
        List<String> words = orFail(this::next);
        if (!words.getFirst().equals(TIMES) || words.size() != 1 + PairProbe.bytes().length) {
            throw senseless(words);
        }
        return words.stream().skip(1).mapToDouble(Double::parseDouble).toArray();
    }

    private double[] lead(int other) {
        return orFail(() -> PairProbe.lead(processes.communicator(), processes.rank(), other));
    }

    private void answer(int leader) {
        orFail(() -> {
            PairProbe.answer(processes.communicator(), processes.rank(), leader);
            return leader;
        });
    }

    private static byte[] note(String kind, String rest) {
        return (rest.isEmpty() ? kind : kind + BETWEEN + rest).getBytes(StandardCharsets.UTF_8);
    }

    private int number(List<String> words) {
        if (words.size() != 2 || !words.get(1).matches("\\d{1,9}")) {
            throw senseless(words);
        }
        return Integer.parseInt(words.get(1));
    }

    private static RunFailedException senseless(List<String> words) {
        return new RunFailedException(
                "another process says what makes no sense here: " + Text.printable(String.join(BETWEEN, words)), null);
    }

    private List<String> next() throws InterruptedException {
        Told told = notes.take();
        if (told.broken().isPresent()) {
            throw told.broken().get();
        }
        return told.words();
    }

    private <T> T orFail(Wait<T> wait) {
        try {
            try {
                return wait.get();
            } catch (RunAbortedException e) {
                // Messages do not move any more, which ends waits first and then says why.
                Told why = notes.poll(REASON_SECONDS, TimeUnit.SECONDS);
                throw Optional.ofNullable(why).flatMap(Told::broken).orElse(e);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new RunFailedException("interrupted", e);
        }
    }
}
