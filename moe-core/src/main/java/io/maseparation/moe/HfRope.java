package io.maseparation.moe;

import io.maseparation.files.JsonFile;
import io.maseparation.files.Text;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;

/**
 * The rotary embedding of a config.json, in either dialect: {@code rope_parameters} with everything in it, or
 * {@code rope_theta} beside an optional {@code rope_scaling}. Both objects may also hold one object for each type of
 * layer.
 */
final class HfRope {
    private static final String SCALING = "rope_scaling";
    private static final String PARAMETERS = "rope_parameters";
    private static final Set<String> LAYER_TYPES =
            Set.of("full_attention", "sliding_attention", "chunked_attention", "linear_attention");

    /** Fields that every kind of scaling may have, which change nothing beyond what is read of them. */
    private static final Set<String> COMMON =
            Set.of("rope_theta", "rope_type", "type", "partial_rotary_factor", "finetuned");
    /** Radians up to which a double is the angle that is meant, to a millionth. */
    private static final double MOST_ANGLE = 0x1p33;

    private static final String ORIGINAL = "original_max_position_embeddings";

    /** Fields that a kind of scaling reads. */
    private static final Map<String, Set<String>> OWN = Map.of(
            "default", Set.of(),
            "linear", Set.of("factor"),
            "dynamic", Set.of("factor"),
            "yarn", Set.of("factor", ORIGINAL, "attention_factor", "beta_fast", "beta_slow", "mscale",
                    "mscale_all_dim", "truncate"),
            "llama3", Set.of("factor", ORIGINAL, "low_freq_factor", "high_freq_factor"),
            "longrope", Set.of("factor", ORIGINAL, "attention_factor", "short_factor", "long_factor"));
    private static final String SUPPORTED = " is not supported; " + String.join(", ", new TreeSet<>(OWN.keySet()))
            + " are";

    private final JsonFile json;
    private final HfFamily family;
    private final SortedSet<String> layerTypes;
    private final int headDim;
    private final int positions;
    private final Consumer<String> warnings;

    private HfRope(
            JsonFile json, HfFamily family, SortedSet<String> layerTypes, int headDim, int positions,
            Consumer<String> warnings) {
        this.json = json;
        this.family = family;
        this.layerTypes = layerTypes;
        this.headDim = headDim;
        this.positions = positions;
        this.warnings = warnings;
    }

    /**
     * The rotary embedding.
     *
     * @param json config.json
     * @param windows sliding window of each layer, 0 for none
     * @param headDim elements of a head
     * @param positions max_position_embeddings
     * @param warnings takes a line about everything that is left out
     */
    static Rope read(
            JsonFile json, HfFamily family, int[] windows, int headDim, int positions, Consumer<String> warnings) {
        SortedSet<String> types = new TreeSet<>();
        for (int window : windows) {
            types.add(window > 0 ? "sliding_attention" : "full_attention");
        }
        // Parameters of several types of layers have the same oddities.
        Set<String> said = new HashSet<>();
        return new HfRope(json, family, types, headDim, positions, line -> {
            if (said.add(line)) {
                warnings.accept(line);
            }
        }).read();
    }

    private Rope read() {
        String embedding = json.text("position_embedding_type", "rope");
        if (!embedding.equals("rope")) {
            throw json.fail("position_embedding_type", embedding + " is not supported; rope is");
        }
        JsonFile scaling = json.object(SCALING);
        JsonFile parameters = json.object(PARAMETERS);
        Rope used = read(scaling.fields().isEmpty() ? parameters : scaling);
        if (!scaling.fields().isEmpty() && !parameters.fields().isEmpty()) {
            Rope other = quiet().read(parameters);
            warnUnless(used.equals(other), SCALING + " and " + PARAMETERS,
                    SCALING + " with rope_theta " + Text.number(used.theta()));
        }
        return used;
    }

    /** The same for what nothing is computed with. */
    private HfRope quiet() {
        return new HfRope(json, family, layerTypes, headDim, positions, _ -> {});
    }

    private void warnUnless(boolean same, String what, String used) {
        if (!same) {
            warnings.accept(json.message("",
                    what + " contradict each other: " + used + " is used, as transformers does"));
        }
    }

    /**
     * A number that may stand in an object of rotary parameters or beside it. Where it stands in both, that of the
     * object is used, as in transformers, and a line says so if they differ.
     */
    private double within(JsonFile rope, String field, double absent) {
        double beside = json.number(field, absent);
        double used = rope.number(field, beside);
        warnUnless(used == beside || !json.has(field), both(rope, field, beside, used) + ",", rope.name());
        return used;
    }

    private static String both(JsonFile rope, String field, double beside, double used) {
        return "%s %s and that of %s, %s".formatted(field, Text.number(beside), rope.name(), Text.number(used));
    }

    /** As {@link #within}, where no library says which of the two is meant. */
    private double undisputed(JsonFile rope, String field, double absent) {
        double beside = json.number(field, absent);
        double used = rope.number(field, beside);
        if (used != beside && json.has(field) && isUsed(rope)) {
            throw json.fail("", disputed(rope, field, beside, used));
        }
        return used;
    }

    private static String disputed(JsonFile rope, String field, double beside, double used) {
        return both(rope, field, beside, used) + ", contradict each other; leave one out";
    }

    private static boolean isOfType(JsonFile rope) {
        return LAYER_TYPES.contains(rope.name());
    }

    /** Parameters of a type that no layer has contradict nothing. */
    private boolean isUsed(JsonFile rope) {
        return !isOfType(rope) || layerTypes.contains(rope.name());
    }

    /** Reads one object of either dialect, which may hold an object for each type of layer. */
    private Rope read(JsonFile holder) {
        List<String> nested = holder.fields().stream()
                .filter(field -> holder.isObject(field) || LAYER_TYPES.contains(field)).toList();
        if (nested.isEmpty()) {
            return flat(holder);
        }
        for (String type : holder.fields()) {
            if (!nested.contains(type) && !holder.isNull(type)) {
                throw holder.fail(type, "stands beside parameters of types of layers");
            }
            if (!LAYER_TYPES.contains(type)) {
                throw holder.fail(type,
                        "is not a type of layer that is known; full_attention and sliding_attention are");
            }
        }
        for (String type : nested) {
            if (!layerTypes.contains(type) && !holder.isNull(type)) {
                // No layer is of this type, but what nobody understands is not passed over.
                quiet().flat(holder.requiredObject(type));
            }
        }
        List<Rope> ropes = new ArrayList<>();
        for (String type : layerTypes) {
            ropes.add(flat(holder.requiredObject(type)));
        }
        if (ropes.stream().distinct().count() > 1) {
            throw holder.fail("", "differs between the layers' types " + String.join(" and ", layerTypes)
                    + ", which is not supported");
        }
        Rope used = ropes.getFirst();
        // Their configuration classes put a theta beside the types, after which the object counts as one without types.
        double theirs = json.number("rope_theta", family.number("rope_theta"));
        if (used.theta() != theirs || !used.scaling().equals(new Rope.Linear(1))) {
            warnings.accept(holder.message("",
                    "is by type of layer and used, unlike in transformers, whose %s has rope_theta %s and no scaling then"
                            .formatted(family.modelType, Text.number(theirs))));
        }
        return used;
    }

    private Rope flat(JsonFile rope) {
        String type = type(rope);
        Set<String> own = Objects.requireNonNull(OWN.get(type));
        for (String field : rope.fields()) {
            if (rope.isNull(field) || COMMON.contains(field) || own.contains(field)) {
                continue;
            }
            if (OWN.values().stream().noneMatch(of -> of.contains(field))) {
                throw rope.fail(field, "is not known of rotary embeddings");
            }
            warnings.accept(rope.message(field,
                    "is of no use to rope_type " + type + " and left out, as transformers does"));
        }
        double absent = family.number("rope_theta");
        double theta = isOfType(rope) ? undisputed(rope, "rope_theta", absent) : within(rope, "rope_theta", absent);
        if (!(theta > 0)) {
            throw holder(rope).fail("rope_theta", "is " + theta + ", which is not above 0");
        }
        Rope read = new Rope(theta, partial(rope), scaling(type, rope));
        if (type.equals("yarn") && theta == 1) {
            throw holder(rope).fail("rope_theta", "is 1, whose logarithm is 0: yarn divides by it");
        }
        if (read.scaling() instanceof Rope.LongRope(int _, List<Double> shorts, List<Double> longs, double _)) {
            checkList(rope, "short_factor", shorts, read.pairs(headDim));
            checkList(rope, "long_factor", longs, read.pairs(headDim));
        }
        int longest = read.longest(positions);
        double attention = read.scaling().attention();
        boolean turns = IntStream.of(1, Integer.MAX_VALUE)
                .mapToObj(length -> read.frequencies(headDim, length))
                .flatMapToDouble(DoubleStream::of)
                .allMatch(frequency -> frequency > 0 && frequency * longest <= MOST_ANGLE);
        if (!turns || !(attention > 0 && attention <= Float.MAX_VALUE)) {
            throw rope.fail("", ("gives frequencies or a factor on attention that are not finite numbers above 0, or so"
                    + " large that angles of %d positions are no numbers to speak of").formatted(longest));
        }
        return read;
    }

    /** Where rope_theta stands. */
    private JsonFile holder(JsonFile rope) {
        return rope.has("rope_theta") ? rope : json;
    }

    private double partial(JsonFile rope) {
        String field = "partial_rotary_factor";
        JsonFile holder = rope.has(field) ? rope : json;
        double partial = undisputed(rope, field, 1);
        int rotated = (int) (headDim * partial);
        if (rotated < 2 || rotated > headDim || rotated % 2 != 0) {
            throw holder.fail(field, "%s of head_dim %d is %d elements, which cannot be rotated in pairs"
                    .formatted(Text.number(partial), headDim, rotated));
        }
        if (partial != 1) {
            warnings.accept(holder.message(field,
                    "is used: %d of the %d elements of a head are rotated. transformers' %s ignores it or fails"
                            .formatted(rotated, headDim, family.modelType)));
        }
        return partial;
    }

    private static void checkList(JsonFile rope, String field, List<Double> factors, int pairs) {
        if (factors.size() != pairs || factors.stream().anyMatch(f -> !(f > 0))) {
            throw rope.fail(field, "is not a list of %d numbers above 0, one for each pair of a head".formatted(pairs));
        }
    }

    private Rope.Scaling scaling(String type, JsonFile rope) {
        int original = Objects.requireNonNull(OWN.get(type)).contains(ORIGINAL) ? original(rope) : positions;
        return switch (type) {
            case "default" -> new Rope.Linear(1);
            case "linear" -> new Rope.Linear(factor(rope, type));
            case "dynamic" -> new Rope.Dynamic(factor(rope, type), original);
            case "yarn" -> {
                double factor = stretch(rope, original);
                double attention = attention(rope, yarnAttention(rope, factor));
                yield new Rope.Yarn(factor, original, or(rope, "beta_fast", 32), or(rope, "beta_slow", 1),
                        rope.flag("truncate", true), attention);
            }
            case "llama3" -> {
                double low = above0(rope, "low_freq_factor", 0);
                double high = above0(rope, "high_freq_factor", 0);
                if (high <= low) {
                    throw rope.fail("high_freq_factor", "%s is not above low_freq_factor %s".formatted(high, low));
                }
                yield new Rope.Llama3(factor(rope, type), original, low, high);
            }
            default -> {
                double factor = stretch(rope, original);
                double attention = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original));
                yield new Rope.LongRope(original, rope.numbers("short_factor"), rope.numbers("long_factor"),
                        attention(rope, attention));
            }
        };
    }

    private static double above0(JsonFile rope, String field, double absent) {
        double value = rope.number(field, absent);
        if (!(value > 0)) {
            throw rope.fail(field, rope.has(field) ? "is " + value + ", which is not above 0" : "is missing");
        }
        return value;
    }

    private static double attention(JsonFile rope, double suggested) {
        return rope.has("attention_factor") ? above0(rope, "attention_factor", 0) : suggested;
    }

    private static double factor(JsonFile rope, String type) {
        double factor = rope.number("factor", 0);
        if (!(factor > 0)) {
            throw rope.fail("factor", "of " + type + " scaling is missing or not above 0");
        }
        return factor;
    }

    /** A number for which 0 stands for the usual one. */
    private static double or(JsonFile rope, String field, double usual) {
        double value = rope.number(field, usual);
        return value == 0 ? usual : above0(rope, field, usual);
    }

    /**
     * The context of the training. A field beside the object goes before, as in transformers; beside parameters of a
     * type of layer it must be the same.
     */
    private int original(JsonFile rope) {
        int beside = json.integer(ORIGINAL, positions, 1, 1 << 30);
        if (isOfType(rope)) {
            int own = rope.integer(ORIGINAL, positions, 1, 1 << 30);
            if (own != beside && json.has(ORIGINAL) && isUsed(rope)) {
                throw json.fail("", rope.has(ORIGINAL)
                        ? disputed(rope, ORIGINAL, beside, own)
                        : "%s %d stands beside %s, which has none; say it there".formatted(ORIGINAL, beside,
                                rope.name()));
            }
            return own;
        }
        int own = rope.integer(ORIGINAL, beside, 1, 1 << 30);
        int used = json.has(ORIGINAL) ? beside : own;
        warnUnless(own == used, ORIGINAL + " and that of " + rope.name(), ORIGINAL);
        return used;
    }

    /** The factor by which the context is longer than that of the training. */
    private double stretch(JsonFile rope, int original) {
        double ratio = (double) positions / original;
        double factor = above0(rope, "factor", ratio);
        if (factor != ratio && ratio != 1) {
            warnings.accept(rope.message("factor",
                    "%s is used, as in transformers 5, though max_position_embeddings are %s times the original ones"
                            .formatted(Text.number(factor), Text.number(ratio))));
        }
        return factor;
    }

    private static double yarnAttention(JsonFile rope, double factor) {
        double log = 0.1 * Math.log(Math.max(1, factor));
        double scale = rope.number("mscale", 0);
        double all = rope.number("mscale_all_dim", 0);
        return scale != 0 && all != 0 ? (log * scale + 1) / (log * all + 1) : log + 1;
    }

    /** The kind of scaling, by either name. */
    private static String type(JsonFile rope) {
        String type = rope.text("rope_type", rope.text("type", "default"));
        if (!rope.text("type", type).equals(type)) {
            throw rope.fail("rope_type", "%s and type %s contradict each other"
                    .formatted(Text.printable(type), Text.printable(rope.text("type", type))));
        }
        String known = type.equals("su") ? "longrope" : type;
        if (!OWN.containsKey(known)) {
            throw rope.fail("rope_type", Text.printable(type) + SUPPORTED);
        }
        boolean said = rope.has("rope_type") || rope.has("type");
        for (String field : rope.fields()) {
            if (!said && !rope.isNull(field) && !COMMON.contains(field) && !field.equals(ORIGINAL)) {
                throw rope.fail(field, OWN.values().stream().anyMatch(of -> of.contains(field))
                        ? "is there without a rope_type"
                        : "is not known of rotary embeddings");
            }
        }
        return known;
    }
}
