package io.maseparation.parallel.execute;

import io.maseparation.files.Text;
import io.maseparation.moe.segments.Device;
import io.maseparation.parallel.comm.Processes;
import io.maseparation.parallel.execute.rank.Deployment;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.RankMemory;
import io.maseparation.parallel.run.Job;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Ranks in processes of their own that compute on one GPU. Each sees that GPU as if it were alone there, so what is
 * free is shared out before any of them takes something.
 */
final class SharedGpus {
    private static final System.Logger LOG = System.getLogger(SharedGpus.class.getName());
    /** Said of a device that is no GPU, or whose driver does not tell. */
    private static final String UNKNOWN = "-";

    private SharedGpus() {}

    /**
     * What a process says of its GPU.
     *
     * @param id which one it is
     * @param free bytes of it that nobody holds; −1 where that is not known
     */
    record Said(String id, long free) {
        static Said of(Device device) {
            return new Said(device.id().orElse(UNKNOWN), device.freeBytes().orElse(-1));
        }

        private static Said read(String line) {
            int space = line.indexOf(' ');
            return new Said(line.substring(0, space), Long.parseLong(line.substring(space + 1)));
        }

        private String line() {
            return id + " " + free;
        }
    }

    /**
     * Finds out which ranks share a GPU, says so in the log of the leader, and checks that they fit it together. To be
     * called by all processes before any of them loads its rank.
     *
     * @param plan the plan, the same everywhere
     * @param job what is run; it names the processes
     * @throws io.maseparation.files.ModelException if the workload does not fit the model
     * @throws PlanException if there is not a process for each rank, or the ranks on a GPU need more than is free
     *     there; in all processes
     */
    static void check(Plan plan, Job job) {
        Processes processes = job.processes().orElseThrow();
        RankProcess.check(plan, job, processes);
        check(processes, Said.of(Deployment.device(plan, job.options(), processes.rank())),
                Deployment.memory(plan, job));
    }

    /**
     * The same, knowing what ranks hold.
     *
     * @param processes all of them
     * @param own what this one says
     * @param memory what every rank will hold
     */
    static void check(Processes processes, Said own, List<RankMemory> memory) {
        List<Said> all = Agreement.exchange(processes, own.line()).stream().map(Said::read).toList();
        Map<String, List<Integer>> byGpu = new TreeMap<>();
        for (int rank = 0; rank < all.size(); rank++) {
            if (!all.get(rank).id.equals(UNKNOWN)) {
                byGpu.computeIfAbsent(all.get(rank).id, id -> new ArrayList<>()).add(rank);
            }
        }
        byGpu.values().stream().filter(ranks -> ranks.size() > 1).forEach(ranks -> {
            if (processes.rank() == 0) {
                LOG.log(System.Logger.Level.INFO, names(ranks) + " share a GPU: they take turns there");
            }
            long needed = ranks.stream().mapToLong(rank -> memory.get(rank).bytes()).sum();
            long free = ranks.stream().mapToLong(rank -> all.get(rank).free).min().orElse(-1);
            if (free >= 0 && needed > free) {
                throw new PlanException(
                        "%s share a GPU and need %s there, of which %s are free: use more GPUs, end what holds the rest, or lower 'max_tokens' or the number of prompts"
                                .formatted(names(ranks), Text.bytes(needed), Text.bytes(free)));
            }
        });
    }

    private static String names(List<Integer> ranks) {
        return "ranks "
                + ranks.subList(0, ranks.size() - 1).stream().map(String::valueOf).collect(Collectors.joining(", "))
                + " and " + ranks.getLast();
    }
}
