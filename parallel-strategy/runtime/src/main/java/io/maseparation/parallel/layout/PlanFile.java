package io.maseparation.parallel.layout;

import io.maseparation.files.Identified;
import io.maseparation.files.Json;
import io.maseparation.files.JsonFile;
import io.maseparation.files.ModelException;
import io.maseparation.files.Text;
import io.maseparation.files.WholeFile;
import io.maseparation.moe.ModelConfig;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A plan on disk: what it takes to make the plan again, as JSON (docs/plan-file.md). Programs are not stored; they
 * follow from the layout.
 *
 * @param model name of the model it was made for: a preset's name or a checkpoint's folder
 * @param shape that model's shape, by which a plan for another model is noticed
 * @param setup layout and batching
 * @param devices index of each rank's device
 * @param cluster name of the cluster it was made for
 * @param batch sequences it was made for
 * @param context positions of each sequence it was made for
 * @param experts which expert group holds which experts, where those are not even shares
 */
public record PlanFile(
        String model,
        Shape shape,
        Setup setup,
        List<Integer> devices,
        Optional<String> cluster,
        OptionalInt batch,
        OptionalInt context,
        Optional<ExpertGroups> experts) {

    /** Version of the format. */
    public static final int VERSION = 1;

    /** Node of each rank. */
    private static final String NODES = "nodes";

    /** Most sequences, as on the command line. */
    private static final int MOST_SEQUENCES = 1 << 20;

    /**
     * What tells models apart as far as layouts go.
     *
     * @param layers number of layers
     * @param hidden width of the residual stream
     * @param heads query heads
     * @param kvHeads key/value heads
     * @param experts most routed experts in any layer
     * @param expertsPerToken most experts that any layer sends a row to
     */
    public record Shape(int layers, int hidden, int heads, int kvHeads, int experts, int expertsPerToken) {

        /**
         * {@return the shape of a model}
         *
         * @param config the model
         */
        public static Shape of(ModelConfig config) {
            int perToken = config.layers().stream()
                    .mapToInt(l -> l.routing().topK())
                    .max()
                    .orElse(0);
            return new Shape(config.layers().size(), config.hidden(), config.heads(), config.kvHeads(),
                    config.maxExperts(), perToken);
        }

        @Override
        public String toString() {
            return "%s of width %d, %s, %s, top-%d of %s"
                    .formatted(Text.count(layers, "layer"), hidden, Text.count(heads, "head"),
                            Text.count(kvHeads, "key/value head"), expertsPerToken, Text.count(experts, "expert"));
        }
    }

    /** Copies the list. */
    public PlanFile {
        Objects.requireNonNull(model, "model");
        Objects.requireNonNull(shape, "shape");
        Objects.requireNonNull(setup, "setup");
        Objects.requireNonNull(devices, "devices");
        Objects.requireNonNull(cluster, "cluster");
        Objects.requireNonNull(batch, "batch");
        Objects.requireNonNull(context, "context");
        Objects.requireNonNull(experts, "experts");
        devices = List.copyOf(devices);
    }

    /**
     * {@return what makes a plan}
     *
     * @param plan the plan
     * @throws PlanException if experts have replicas within a copy, which the format has no place for
     */
    public static PlanFile of(Plan plan) {
        Objects.requireNonNull(plan, "plan");
        ExpertGroups experts = plan.placement().experts();
        if (experts.replicated()) {
            throw new PlanException("a plan file has one place for each expert of a copy; this plan has replicas");
        }
        boolean even = plan.placement().isEmpty()
                || experts.equals(ExpertGroups.even(plan.config(), plan.layout().expertGroups()));
        return new PlanFile(
                plan.config().name(),
                Shape.of(plan.config()),
                plan.setup(),
                plan.devices(),
                Optional.empty(),
                OptionalInt.empty(),
                OptionalInt.empty(),
                even ? Optional.empty() : Optional.of(experts));
    }

    /**
     * {@return the same, made for a cluster and a batch of sequences}
     *
     * @param clusterName name of the cluster
     * @param sequences number of sequences
     * @param positions positions of each sequence
     */
    public PlanFile madeFor(String clusterName, int sequences, int positions) {
        return new PlanFile(model, shape, setup, devices, Optional.of(clusterName), OptionalInt.of(sequences),
                OptionalInt.of(positions), experts);
    }

    /**
     * {@return the plan for a model}
     *
     * @param config the model
     * @throws PlanException if the model has another shape than the one this was made for, or the layout does not fit
     *     it
     */
    public Plan toPlan(ModelConfig config) {
        Objects.requireNonNull(config, "config");
        if (!shape.equals(Shape.of(config))) {
            throw new PlanException("the plan is for model %s (%s), but this is %s (%s)"
                    .formatted(model, shape, config.name(), Shape.of(config)));
        }
        return Planning.plan(config, setup, experts).withDevices(devices);
    }

    /**
     * Reads a plan.
     *
     * @param file the file
     * @return what the file says
     * @throws ModelException if the file is not a plan; the message names file and field
     */
    public static PlanFile read(Path file) {
        Objects.requireNonNull(file, "file");
        JsonFile json = JsonFile.open(file);
        int version = json.integer("version", 0, Integer.MAX_VALUE);
        if (version != VERSION) {
            throw json.fail("version", "is %d; this program reads version %d".formatted(version, VERSION));
        }
        json.only(Set.of("version", "model", "model_shape", "layout", "devices", "cluster", "batch", "context",
                "expert_placement"));
        Setup setup = setup(json.requiredObject("layout"));
        if (!json.has("devices")) {
            throw json.fail("devices", "is missing");
        }
        List<Integer> devices = json.integers("devices");
        int ranks = setup.layout().ranks();
        if (devices.size() != ranks) {
            throw json.fail("devices", "names %s for %s"
                    .formatted(Text.count(devices.size(), "device"), Text.count(ranks, "rank")));
        }
        return new PlanFile(
                json.name("model"),
                shape(json.requiredObject("model_shape")),
                setup,
                devices,
                json.has("cluster") ? Optional.of(json.name("cluster")) : Optional.empty(),
                optional(json, "batch", MOST_SEQUENCES),
                optional(json, "context", Integer.MAX_VALUE),
                json.has("expert_placement")
                        ? Optional.of(ExpertGroups.of(json.integerLists("expert_placement")))
                        : Optional.empty());
    }

    private static OptionalInt optional(JsonFile json, String field, int most) {
        return json.has(field)
                ? OptionalInt.of(json.integer(field, 1, 1, most))
                : OptionalInt.empty();
    }

    private static Shape shape(JsonFile json) {
        json.only(Set.of("layers", "hidden", "heads", "kv_heads", "experts", "experts_per_token"));
        return new Shape(
                json.integer("layers", 1, Integer.MAX_VALUE),
                json.integer("hidden", 1, Integer.MAX_VALUE),
                json.integer("heads", 1, Integer.MAX_VALUE),
                json.integer("kv_heads", 1, Integer.MAX_VALUE),
                json.integer("experts", 0, Integer.MAX_VALUE),
                json.integer("experts_per_token", 0, Integer.MAX_VALUE));
    }

    private static Setup setup(JsonFile json) {
        Set<String> names = new HashSet<>(Set.of("strategy", "schedule", Batching.MICRO_BATCHES, CombineMode.NAME,
                Dispatch.NAME, NODES));
        Strategy strategy = Strategy.of(json.name("strategy"))
                .orElseThrow(() -> json.fail("strategy", "is not one of " + Stream.of(Strategy.values())
                        .map(Strategy::id)
                        .collect(Collectors.joining(", "))));
        Map<LayoutSize, Integer> sizes = new EnumMap<>(LayoutSize.class);
        for (LayoutSize size : LayoutSize.values()) {
            names.add(size.id());
            if (size.belongsTo(strategy)) {
                sizes.put(size, json.integer(size.id(), 1, 1, Layout.MOST_RANKS));
            } else if (json.has(size.id())) {
                throw json.fail(size.id(), "is not a size of strategy %s".formatted(strategy.id()));
            }
        }
        int microBatches = json.integer(Batching.MICRO_BATCHES, 1, 1, Batching.MOST_MICRO_BATCHES);
        json.only(names);
        Schedule schedule = choice(json, "schedule", Schedule.values());
        CombineMode combine = choice(json, CombineMode.NAME, CombineMode.values());
        Layout layout = Layout.of(strategy, sizes);
        try {
            layout = layout.withCombine(combine).withDispatch(dispatch(json));
            layout.checkSizes();
        } catch (PlanException e) {
            // Quoted names would be parameters, which a command line turns into its options; these are fields.
            String fields = String.valueOf(e.getMessage()).replace("'", "");
            throw json.fail("strategy", strategy.id() + ": " + fields);
        }
        return new Setup(layout, new Batching(microBatches, schedule));
    }

    private static Dispatch dispatch(JsonFile json) {
        Dispatch.Mode mode = choice(json, Dispatch.NAME, Dispatch.Mode.values());
        if (json.has(NODES) != (mode == Dispatch.Mode.NODE)) {
            throw json.fail(NODES, mode == Dispatch.Mode.NODE
                    ? "is missing, which dispatch node needs: the node of each rank"
                    : "needs dispatch node");
        }
        Dispatch dispatch = mode == Dispatch.Mode.NODE ? new Dispatch(json.integers(NODES)) : Dispatch.DIRECT;
        if (dispatch.mode() != mode) {
            throw json.fail(NODES, "is empty, but names the node of each rank");
        }
        return dispatch;
    }

    /** If the field is absent, the first choice is the default. */
    private static <C extends Identified> C choice(JsonFile json, String field, C[] choices) {
        String text = json.text(field, choices[0].id());
        return Identified.of(choices, text)
                .orElseThrow(() -> json.fail(
                        field, "is neither %s nor %s: %s".formatted(choices[0].id(), choices[1].id(), text)));
    }

    /**
     * Writes the plan; the file appears whole or not at all.
     *
     * @param file the file
     * @throws java.io.UncheckedIOException if the file cannot be written
     */
    public void write(Path file) {
        Objects.requireNonNull(file, "file");
        WholeFile.write(file, Json.write(tree()));
    }

    private Map<String, Object> tree() {
        Map<String, Object> layout = new LinkedHashMap<>();
        layout.put("strategy", setup.layout().strategy().id());
        new TreeMap<>(setup.layout().sizes()).forEach((size, n) -> layout.put(size.id(), n));
        layout.put(Batching.MICRO_BATCHES, setup.batching().microBatches());
        layout.put("schedule", setup.batching().schedule().id());
        layout.put(CombineMode.NAME, setup.layout().combine().id());
        // Left out where it is the default, so that older programs read the file.
        Dispatch dispatch = setup.layout().dispatch();
        if (dispatch.mode() == Dispatch.Mode.NODE) {
            layout.put(Dispatch.NAME, dispatch.mode().id());
            layout.put(NODES, dispatch.nodes());
        }
        Map<String, Object> ofModel = new LinkedHashMap<>();
        ofModel.put("layers", shape.layers());
        ofModel.put("hidden", shape.hidden());
        ofModel.put("heads", shape.heads());
        ofModel.put("kv_heads", shape.kvHeads());
        ofModel.put("experts", shape.experts());
        ofModel.put("experts_per_token", shape.expertsPerToken());
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("version", VERSION);
        tree.put("model", model);
        tree.put("model_shape", ofModel);
        tree.put("layout", layout);
        tree.put("devices", devices);
        cluster.ifPresent(name -> tree.put("cluster", name));
        batch.ifPresent(n -> tree.put("batch", n));
        context.ifPresent(n -> tree.put("context", n));
        experts.ifPresent(e -> tree.put("expert_placement", e.firstGroups()));
        return tree;
    }
}
