package io.maseparation.parallel.cli;

import io.maseparation.files.ModelException;
import io.maseparation.moe.Format;
import io.maseparation.moe.HfConfig;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.Presets;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.Clusters;
import io.maseparation.parallel.cluster.Collectives;
import io.maseparation.parallel.cluster.Launch;
import io.maseparation.parallel.layout.PlanFile;
import io.maseparation.parallel.simulate.Conditions;
import io.maseparation.parallel.simulate.RoutingModel;
import io.maseparation.parallel.simulate.Scenario;
import io.maseparation.parallel.simulate.Simulation;
import io.maseparation.parallel.studies.paper.Formats;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Collectors;

/** What is simulated, on which devices and under which circumstances. */
final class SimulationFlags {
    static final String MODEL = "model";
    static final String CLUSTER = "cluster";
    static final String BATCH = "batch";
    static final String CONTEXT = "context";
    static final String TOP_K = "experts-per-token";
    static final String LAUNCH = "launch";
    private static final String WEIGHTS = "weight-dtype";
    private static final String KV = "kv-dtype";
    private static final String COLLECTIVES = "collectives";
    static final String ROUTING = "routing";
    static final String SEED = "seed";
    static final String STEPS = "steps";
    static final String NO_LM_HEAD = "no-lm-head";
    private static final String PREFILL_CHUNK = "prefill-chunk";
    private static final String TPOT_LIMIT = "slo-tpot-ms";

    /** What routings there are. */
    static final String ROUTINGS =
            "how tokens choose experts: uniform, zipf:S (skewed by exponent S), drift:S:N (the same, with"
                    + " other experts popular every N steps) or a file of recorded choices";

    private static final String DEFAULT_MODEL = "seed";
    private static final String DEFAULT_CLUSTER = "a100x16";
    private static final int DEFAULT_BATCH = 24;
    private static final int DEFAULT_CONTEXT = 2048;
    private static final int MOST = 1 << 24;

    private SimulationFlags() {}

    static void add(OptionList options) {
        options.value("m", MODEL, "DIR|PRESET", "checkpoint folder (only config.json is read) or preset: "
                + String.join(", ", Presets.names()) + " [" + DEFAULT_MODEL + "]");
        options.value(CLUSTER, "NAME|FILE", "devices and links: a file (docs/clusters.md), or one of "
                + Clusters.described() + " [" + DEFAULT_CLUSTER + "]");
        options.value(CONTEXT, "N", "positions that each new token attends to ["
                + DEFAULT_CONTEXT + ", or the model's limit]");
        addFormats(options);
        options.value(TOP_K, "K", "experts that each token visits, instead of the model's number");
        options.value(LAUNCH, "NAME",
                "how operations are started: graph (captured) or eager (one by one) [graph]");
        options.value(COLLECTIVES, "NAME",
                "measured collectives: custom (kernels inside graphs) or nccl [custom with graphs, nccl with eager]");
        options.value(ROUTING, "NAME|FILE", ROUTINGS + " [uniform]");
        options.value("s", SEED, "N", "seed of the routing [0]");
        options.value(STEPS, "N", "decode steps measured [" + Scenario.DEFAULT_STEPS + "]");
        options.flag(NO_LM_HEAD, "leave out the final norm and the logits");
        options.value(PREFILL_CHUNK, "N",
                "also simulate the prefill, with N prompt tokens of a rank and micro-batch at once, for TTFT");
        options.value(TPOT_LIMIT, "X", "largest TPOT that is good enough, in milliseconds");
    }

    /** Formats of weights and KV cache. */
    static void addFormats(OptionList options) {
        options.value(WEIGHTS, "TYPE",
                "format of the large matrices: %s [the model's]; int4 with the scales of gptq and awq, those of fewer"
                        .formatted(names(Format.named())) + " than 16 bits not of embedding and logits");
        options.value(KV, "TYPE", "format of the KV cache: the same, mxfp4 excepted [f16, or what config.json says]");
    }

    static Formats formats(Arguments arguments) {
        return new Formats(weightFormat(arguments), kvFormat(arguments).orElse(Format.F16));
    }

    /** Shape and rules of the model; no weights are read. */
    static ModelConfig model(Arguments arguments, Optional<PlanFile> plan) {
        return model(arguments, plan, DEFAULT_MODEL);
    }

    /** The same where another model is meant if none is named. */
    static ModelConfig model(Arguments arguments, Optional<PlanFile> plan, String absent) {
        ModelFlags.check(arguments);
        String name = arguments.text(MODEL).or(() -> plan.map(PlanFile::model)).orElse(absent);
        ModelConfig read = config(name);
        ModelConfig config = weightFormat(arguments).map(read::withWeightFormat).orElse(read);
        if (arguments.has(TOP_K)) {
            int most = Math.max(1, config.maxExperts());
            return config.withTopK(arguments.integer(TOP_K, 1, 1, most));
        }
        return plan.map(p -> p.shape().expertsPerToken())
                .filter(k -> k >= 1 && k <= config.maxExperts() && k != config.maxTopK())
                .map(config::withTopK)
                .orElse(config);
    }

    private static Optional<Format> weightFormat(Arguments arguments) {
        return arguments.choice(WEIGHTS, Format.named(), Format::id);
    }

    private static Optional<Format> kvFormat(Arguments arguments) {
        return arguments.choice(KV, Format.named().subList(0, Format.named().indexOf(Format.MXFP4)), Format::id);
    }

    private static String names(List<Format> formats) {
        return formats.stream().map(Format::id).collect(Collectors.joining(", "));
    }

    /** Shape of the model of commands that take nothing else of it. */
    static ModelConfig shape(Arguments arguments, String absent) {
        ModelFlags.check(arguments);
        return config(arguments.text(MODEL).orElse(absent));
    }

    private static ModelConfig config(String name) {
        if (Presets.has(name)) {
            return Presets.config(name);
        }
        try {
            if (!name.isBlank() && Files.isDirectory(Path.of(name))) {
                return HfConfig.plan(Path.of(name));
            }
        } catch (InvalidPathException e) {
            throw new ModelException(Presets.missing(name), e);
        }
        throw new ModelException(Presets.missing(name));
    }

    /** Devices and links. */
    static Cluster cluster(Arguments arguments, Optional<PlanFile> plan) {
        return arguments.named(CLUSTER, plan.flatMap(PlanFile::cluster).orElse(DEFAULT_CLUSTER), Clusters::named);
    }

    /**
     * Batch, context and the rest.
     *
     * @throws UsageException if an option has no such value, or the context is beyond the model's
     */
    static Scenario scenario(Arguments arguments, ModelConfig config, Optional<PlanFile> plan) {
        int batch = arguments.integer(BATCH, given(plan.map(PlanFile::batch), DEFAULT_BATCH), 1, 1 << 20);
        int usual = given(plan.map(PlanFile::context), Math.min(DEFAULT_CONTEXT, config.maxPositions()));
        int context = arguments.integer(CONTEXT, usual, 1, Integer.MAX_VALUE);
        if (context > config.maxPositions()) {
            throw new UsageException("--%s %d is more than the %d positions of %s"
                    .formatted(CONTEXT, context, config.maxPositions(), config.name()));
        }
        return Scenario.decode(batch, context)
                .with(conditions(arguments)
                        .withKvFormat(kvFormat(arguments).or(config.numerics()::cacheFormat).orElse(Format.F16)))
                .withRouting(routing(arguments, config, "uniform"), arguments.seed(SEED))
                .withSteps(arguments.integer(STEPS, Scenario.DEFAULT_STEPS, 1, 100_000), 2)
                .withPrefill(arguments.integer(PREFILL_CHUNK, 0, 1, MOST));
    }

    /** Launches and collectives, and whether the LM head counts. */
    static Conditions conditions(Arguments arguments) {
        Launch launch = arguments.choice(LAUNCH, Launch.GRAPH, List.of(Launch.values()), Launch::id);
        return new Conditions(
                launch,
                arguments.choice(
                        COLLECTIVES,
                        Collectives.usualWith(launch),
                        List.of(Collectives.values()),
                        Collectives::id),
                Conditions.USUAL.kvFormat(),
                Conditions.USUAL.activationBytes(),
                !arguments.has(NO_LM_HEAD));
    }

    private static int given(Optional<OptionalInt> ofPlan, int absent) {
        return ofPlan.orElse(OptionalInt.empty()).orElse(absent);
    }

    static RoutingModel routing(Arguments arguments, ModelConfig config, String absent) {
        return arguments.named(ROUTING, absent, routing -> RoutingModel.parse(routing, config));
    }

    /** Largest TPOT that is good enough, in milliseconds; infinite if none is given. */
    static double tpotLimitMs(Arguments arguments) {
        double limit = arguments.number(TPOT_LIMIT, Double.POSITIVE_INFINITY);
        if (limit <= 0) {
            throw new UsageException("--%s must be above 0, is %s".formatted(TPOT_LIMIT, limit));
        }
        return limit;
    }

    static boolean hasBatch(Arguments arguments) {
        return arguments.has(BATCH);
    }

    static boolean hasTpotLimit(Arguments arguments) {
        return arguments.has(TPOT_LIMIT);
    }

    /** What is simulated, in a line. */
    static String description(Simulation simulation) {
        ModelConfig config = simulation.plan().config();
        Scenario s = simulation.scenario();
        Conditions conditions = s.conditions();
        return "%s, top-%d, on %s; batch %d, context %d, KV cache %s, %s launches, %s collectives, routing %s%s; simulated"
                .formatted(
                        ModelFlags.description(config),
                        config.maxTopK(),
                        simulation.cluster().name(),
                        s.batch(),
                        s.context(),
                        conditions.kvFormat().id(),
                        conditions.launch().id(),
                        conditions.collectives().id(),
                        s.routing().description(),
                        conditions.lmHead() ? "" : ", without LM head");
    }
}
