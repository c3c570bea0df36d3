package io.maseparation.parallel.execute.rank;

import io.maseparation.files.ModelException;
import io.maseparation.files.Text;
import io.maseparation.moe.Format;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.segments.Capacity;
import io.maseparation.moe.segments.Device;
import io.maseparation.moe.segments.RankDevice;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.RankMemory;
import io.maseparation.parallel.layout.RankPlan;
import io.maseparation.parallel.layout.Shares;
import io.maseparation.parallel.run.Equipment;
import io.maseparation.parallel.run.ExecutionOptions;
import io.maseparation.parallel.run.Job;
import io.maseparation.parallel.run.RunFailedException;
import io.maseparation.parallel.run.Workload;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.ToLongFunction;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A plan on its devices: buffers laid out, graphs built, and which sequences live where. A run has one at a time and
 * may go from one to another between two steps; what stays as it is on a rank is handed on.
 */
public final class Deployment {
    private final Plan plan;
    private final Room room;
    /** Where the sequences live; empty where they come and go. */
    private final Optional<Shares> shares;
    private final List<Device> devices;
    private final List<RankMemory> memory;
    /** Of the ranks that live in this process. */
    private final Map<Integer, RankDevice> rankDevices = new TreeMap<>();
    /** Handed on from deployment to deployment. */
    private @Nullable GpuClaim claim;

    private Deployment(Plan plan, Room room, Optional<Shares> shares, Equipment equipment, List<Device> devices) {
        this.plan = plan;
        this.room = room;
        this.shares = shares;
        this.memory = new ArrayList<>(memory(plan, room, equipment.options()));
        this.devices = devices;
    }

    private static List<RankMemory> memory(Plan plan, Room room, ExecutionOptions options) {
        return RankMemory.of(
                plan, room.groupPositions(), room.contexts(), room.rows(), Format.of(options.kvType()));
    }

    /**
     * {@return what each rank's device will hold for the whole of a workload}
     *
     * @param plan the plan
     * @param job what is run
     */
    public static List<RankMemory> memory(Plan plan, Job job) {
        return memory(plan, Room.of(job.workload(), Room.shares(plan, job.workload())), job.options());
    }

    /**
     * {@return the device that a rank of a plan will be on}
     *
     * @param plan the plan
     * @param options how it is run
     * @param rank index of the rank
     */
    public static Device device(Plan plan, ExecutionOptions options, int rank) {
        return devices(plan, options).get(rank);
    }

    /**
     * {@return a plan set up for the whole of a workload}
     *
     * @param plan the plan
     * @param job what is run
     */
    public static Deployment start(Plan plan, Job job) {
        Shares shares = Room.shares(plan, job.workload());
        Deployment deployment = start(plan, Room.of(job.workload(), shares), Optional.of(shares), job.equipment());
        for (int here : deployment.rankDevices.keySet()) {
            RankPlan rank = plan.ranks().get(here);
            try {
                deployment.fillCache(rank, job.workload());
            } catch (RuntimeException | Error e) {
                deployment.close();
                throw failure(rank, e);
            }
        }
        return deployment;
    }

    /**
     * {@return a plan set up for sequences that come and go}
     *
     * @param plan the plan
     * @param room what there is to be room for
     * @param equipment what it is set up with
     * @throws io.maseparation.parallel.layout.PlanException if a rank does not fit its device, or shall capture CUDA
     *     graphs beside another run or engine on GPUs, or beside one that does
     * @throws io.maseparation.files.ModelException if all of them do not fit the memory
     * @throws RunFailedException if a rank cannot be set up; those that were are freed
     */
    public static Deployment start(Plan plan, Room room, Equipment equipment) {
        return start(plan, room, Optional.empty(), equipment);
    }

    private static Deployment start(Plan plan, Room room, Optional<Shares> shares, Equipment equipment) {
        Deployment deployment = new Deployment(plan, room, shares, equipment, devices(plan, equipment.options()));
        MemoryCheck.check(
                plan,
                deployment.memory,
                equipment.options().deviceMemory(),
                deployment.copied(equipment.weights()),
                equipment.ranksHere(plan));
        List<RankPlan> here = equipment.ranksHere(plan).stream().map(plan.ranks()::get).toList();
        MemoryCheck.checkFree(plan, deployment.memory, deployment.devices, here, Device::freeBytes);
        deployment.claim = GpuClaim.take(deployment.devices);
        deployment.load(equipment, Optional.empty());
        SlowKernels.mention(deployment.devices);
        return deployment;
    }

    /**
     * {@return a plan set up for the decode steps to come, with the ranks that can be taken over from another
     * deployment}
     *
     * @param before the deployment that goes on meanwhile
     * @param plan the plan
     * @param shares where the sequences will live
     * @param equipment what it is set up with
     * @throws io.maseparation.parallel.layout.PlanException if old and new ranks do not fit a device together
     * @throws RunFailedException if a rank cannot be set up; those that were are freed
     */
    public static Deployment next(Deployment before, Plan plan, Shares shares, Equipment equipment) {
        return next(before, new Deployment(
                plan, Room.decode(shares), Optional.of(shares), equipment, before.devices), equipment);
    }

    /**
     * {@return a plan set up for sequences that come and go, with the ranks that can be taken over from another
     * deployment}
     *
     * @param before the deployment that goes on meanwhile
     * @param plan the plan
     * @param room what there is to be room for
     * @param equipment what it is set up with
     * @throws io.maseparation.parallel.layout.PlanException if old and new ranks do not fit a device together
     * @throws RunFailedException if a rank cannot be set up; those that were are freed
     */
    public static Deployment next(Deployment before, Plan plan, Room room, Equipment equipment) {
        return next(before, new Deployment(plan, room, Optional.empty(), equipment, before.devices), equipment);
    }

    private static Deployment next(Deployment before, Deployment deployment, Equipment equipment) {
        Plan plan = deployment.plan;
        long[] beside = new long[plan.ranks().size()];
        List<RankPlan> loaded = new ArrayList<>();
        for (RankPlan rank : plan.ranks()) {
            int r = rank.rank();
            if (deployment.canTakeOver(before, rank)) {
                deployment.memory.set(r, before.memory.get(r));
            } else {
                beside[r] = before.memory.get(r).bytes();
                loaded.add(rank);
            }
        }
        MemoryCheck.check(
                plan,
                deployment.memory,
                equipment.options().deviceMemory(),
                deployment.copied(equipment.weights()),
                loaded,
                beside);
        MemoryCheck.checkFree(plan, deployment.memory, deployment.devices, loaded, Device::freeBytes);
        deployment.claim = before.claim;
        deployment.load(equipment, Optional.of(before));
        return deployment;
    }

    private ToLongFunction<RankPlan> copied(ModelWeights weights) {
        return rank -> RankDevice.copiedWeightBytes(devices.get(rank.rank()), weights, rank.shard());
    }

    private void fillCache(RankPlan rank, Workload workload) {
        if (workload.depth() == 0 || rank.shard().attention().isEmpty()) {
            return;
        }
        Shares shares = shares();
        for (List<Integer> microBatch : shares.sequences().group(rank.group())) {
            for (int sequence : microBatch) {
                rankDevice(rank.rank())
                        .fillCache(
                                workload.sampling().seed(),
                                sequence,
                                shares.firstBlock()[sequence],
                                workload.depth());
            }
        }
    }

    private static List<Device> devices(Plan plan, ExecutionOptions options) {
        int ranks = plan.ranks().size();
        List<Device> given = options.devices().isEmpty() ? Device.forRanks(ranks) : options.devices();
        return plan.devices().stream().map(d -> given.get(d % given.size())).toList();
    }

    /** Whether a rank's device of another deployment does what is needed here: same weights, sequences and graphs. */
    private boolean canTakeOver(Deployment before, RankPlan rank) {
        RankPlan old = before.plan.ranks().get(rank.rank());
        return old.shard().equals(rank.shard())
                && old.segments().equals(rank.segments())
                && before.capacity(rank.rank()).covers(capacity(rank.rank()))
                && (rank.group() < 0 || hasCacheOf(before, rank.group(), old.group()));
    }

    /** Whether what a group's cache has is where another deployment's group has it. */
    private boolean hasCacheOf(Deployment before, int group, int oldGroup) {
        return shares.map(own -> own.sameCache(group, before.shares(), oldGroup)).orElse(group == oldGroup);
    }

    private Capacity capacity(int rank) {
        return memory.get(rank).capacity();
    }

    private void load(Equipment equipment, Optional<Deployment> before) {
        for (int r : equipment.ranksHere(plan)) {
            RankPlan rank = plan.ranks().get(r);
            if (before.isPresent() && canTakeOver(before.get(), rank)) {
                rankDevices.put(r, before.get().rankDevice(r));
                continue;
            }
            try {
                RankDevice device = equipment.loader().load(rank, devices.get(r), equipment.weights(), capacity(r));
                if (device == null) {
                    throw new IllegalStateException("the rank loader gave no device");
                }
                rankDevices.put(r, device);
                if (before.isPresent() && rank.group() < 0) {
                    device.warmUp();
                }
            } catch (RuntimeException | Error e) {
                // TornadoVM throws plain errors, too.
                before.ifPresentOrElse(this::closeExcept, this::close);
                throw failure(rank, e);
            }
        }
    }

    /**
     * {@return a failure that names the rank}
     *
     * @param rank the rank
     * @param cause what it threw
     */
    public static RunFailedException failure(RankPlan rank, Throwable cause) {
        return new RunFailedException(
                "rank %d (%s): %s".formatted(rank.rank(), rank.role().id(), describe(cause)), cause);
    }

    /**
     * {@return what went wrong, in one line}
     *
     * @param cause what was thrown
     */
    public static String describe(Throwable cause) {
        String message = Objects.requireNonNullElse(cause.getMessage(), "");
        if (cause instanceof ModelException) {
            return message;
        }
        for (Throwable c = cause; c != null; c = c.getCause()) {
            if (c instanceof OutOfMemoryError) {
                return Text.outOfMemory(
                        c, "use fewer ranks, or lower 'max_tokens', 'prefill_chunk' or the number of prompts");
            }
            // So the JVM complains of memory that was freed.
            if (c instanceof IllegalStateException && "Already closed".equals(c.getMessage())) {
                return "the model of the weights is closed";
            }
        }
        // TornadoVM says what happened on the first line and why on the second.
        String lines = message.lines()
                .map(String::strip)
                .filter(line -> !line.isEmpty())
                .limit(2)
                .collect(Collectors.joining(" "));
        return cause.getClass().getSimpleName() + (lines.isEmpty() ? "" : ": " + lines);
    }

    /** {@return what it sets up} */
    public Plan plan() {
        return plan;
    }

    /** {@return number of ranks} */
    public int ranks() {
        return plan.ranks().size();
    }

    /**
     * {@return which sequences live on which ranks}
     *
     * @throws IllegalStateException if they come and go
     */
    public Shares shares() {
        return shares.orElseThrow(() -> new IllegalStateException("sequences come and go"));
    }

    /** {@return what its buffers are sized by} */
    public Room room() {
        return room;
    }

    /** {@return device of each rank} */
    public List<Device> devices() {
        return devices;
    }

    /**
     * {@return what a rank's device holds}
     *
     * @param rank index of the rank
     */
    public RankMemory memory(int rank) {
        return memory.get(rank);
    }

    /**
     * {@return buffers and graphs of a rank that lives in this process}
     *
     * @param rank index of the rank
     */
    public RankDevice rankDevice(int rank) {
        return Objects.requireNonNull(rankDevices.get(rank), "the rank lives in another process");
    }

    /**
     * {@return whether a rank has the same buffers and graphs in another deployment}
     *
     * @param rank index of the rank
     * @param other another deployment of as many ranks
     */
    @SuppressWarnings("ReferenceEquality")
    public boolean sameRankDevice(int rank, Deployment other) {
        return rankDevice(rank) == other.rankDevices.get(rank);
    }

    /** Frees the memory of all ranks; says in the log what cannot be freed. */
    public void close() {
        rankDevices.values().forEach(Deployment::free);
        if (claim != null) {
            claim.giveUp();
        }
    }

    /**
     * Frees the memory of the ranks that another deployment does not have; says in the log what cannot be freed.
     *
     * @param kept the deployment that goes on
     */
    public void closeExcept(Deployment kept) {
        rankDevices.forEach((rank, device) -> {
            if (!sameRankDevice(rank, kept)) {
                free(device);
            }
        });
    }

    /** A failure must neither keep the others from being freed nor end the run that goes on. */
    private static void free(RankDevice device) {
        try {
            device.close();
        } catch (RuntimeException | Error e) {
            System.getLogger(Deployment.class.getName())
                    .log(System.Logger.Level.WARNING, "the memory of a rank is not freed", e);
        }
    }
}
