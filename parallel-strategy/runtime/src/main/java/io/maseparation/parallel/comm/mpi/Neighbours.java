package io.maseparation.parallel.comm.mpi;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/**
 * The other processes of the job on this host, as Linux shows the children of one launcher, and whether one of them is
 * stopped: for the times when no heartbeat is there to say so, before MPI has started and after it has ended. On other
 * systems, and where something stands between the launcher and its processes, none are seen.
 */
final class Neighbours {
    /** What the launcher calls the job; a daemon may have several. */
    private static final String JOB = "PMIX_NAMESPACE";

    private static final char STOPPED = 'T';
    private static final char ENDED = 'Z';

    private final long mostNanos;
    private final Map<Integer, Long> stoppedSince = new TreeMap<>();
    private long looked = System.nanoTime();

    /** @param most how long one may be stopped */
    Neighbours(Duration most) {
        mostNanos = most.toNanos();
    }

    /**
     * Looks once; to be called more often than each second.
     *
     * @return the rank of one that was stopped at all looks of the time that it may be
     */
    OptionalInt stopped() {
        long now = System.nanoTime();
        if (now - looked > Watch.OWN_PAUSE_NANOS) {
            // Whoever stopped all of them may let them go one by one.
            stoppedSince.clear();
        }
        looked = now;
        Set<Integer> stopped = ranks(state -> state == STOPPED);
        stoppedSince.keySet().retainAll(stopped);
        stopped.forEach(rank -> stoppedSince.putIfAbsent(rank, now));
        return stoppedSince.entrySet().stream()
                .filter(entry -> now - entry.getValue() >= mostNanos)
                .mapToInt(Map.Entry::getKey)
                .findFirst();
    }

    /** {@return the ranks of all that have not ended} */
    static Set<Integer> ranks() {
        return ranks(state -> state != ENDED);
    }

    private static Set<Integer> ranks(Predicate<Character> states) {
        long own = ProcessHandle.current().pid();
        return ProcessHandle.current().parent().stream()
                .flatMap(ProcessHandle::children)
                .filter(process -> process.pid() != own && states.test(state(process)))
                .flatMapToInt(process -> rank(process).stream())
                .boxed()
                .collect(Collectors.toSet());
    }

    private static Path file(ProcessHandle process, String name) {
        return Path.of("/proc", String.valueOf(process.pid()), name);
    }

    /** Its letter in /proc/PID/stat, after the name in parentheses. */
    private static char state(ProcessHandle process) {
        try {
            String stat = Files.readString(file(process, "stat"), StandardCharsets.ISO_8859_1);
            return stat.charAt(stat.lastIndexOf(')') + 2);
        } catch (IOException | IndexOutOfBoundsException e) {
            return ENDED;
        }
    }

    private static OptionalInt rank(ProcessHandle process) {
        try {
            Map<String, String> environment = Arrays
                    .stream(Files.readString(file(process, "environ"), StandardCharsets.ISO_8859_1).split("\0", -1))
                    .filter(variable -> variable.indexOf('=') > 0)
                    .collect(Collectors.toMap(variable -> variable.substring(0, variable.indexOf('=')),
                            variable -> variable.substring(variable.indexOf('=') + 1), (first, second) -> first));
            return Objects.equals(environment.get(JOB), System.getenv(JOB))
                    ? MpiProcesses.launchedAs(environment)
                    : OptionalInt.empty();
        } catch (IOException e) {
            // It has ended, or is another user's.
            return OptionalInt.empty();
        }
    }
}
