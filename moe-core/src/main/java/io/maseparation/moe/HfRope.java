package io.maseparation.moe;

import io.maseparation.files.JsonFile;
import io.maseparation.files.Text;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.Consumer;

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
            Set.of("rope_theta", "rope_type", "type", "partial_rotary_factor", "original_max_position_embeddings",
                    "finetuned");

    /** Fields that a kind of scaling reads. */
    private static final Map<String, Set<String>> OWN = Map.of(
            "default", Set.of(),
            "linear", Set.of("factor"),
            "dynamic", Set.of("factor"),
            "yarn", Set.of("factor", "attention_factor", "beta_fast", "beta_slow", "mscale", "mscale_all_dim",
                    "truncate"),
            "llama3", Set.of("factor", "low_freq_factor", "high_freq_factor"),
            "longrope", Set.of("factor", "attention_factor", "short_factor", "long_factor"));

    private final JsonFile json;
    private final HfFamily family;
    private final SortedSet<String> layerTypes;
    private final Consumer<String> warnings;

    private HfRope(JsonFile json, HfFamily family, SortedSet<String> layerTypes, Consumer<String> warnings) {
        this.json = json;
        this.family = family;
        this.layerTypes = layerTypes;
        this.warnings = warnings;
    }

    /**
     * The rotary embedding.
     *
     * @param json config.json
     * @param windows sliding window of each layer, 0 for none
     * @param warnings takes a line about everything that is left out
     */
    static Rope read(JsonFile json, HfFamily family, int[] windows, Consumer<String> warnings) {
        SortedSet<String> types = new TreeSet<>();
        for (int window : windows) {
            types.add(window > 0 ? "sliding_attention" : "full_attention");
        }
        return new HfRope(json, family, types, warnings).read();
    }

    private Rope read() {
        String embedding = json.text("position_embedding_type", "rope");
        if (!embedding.equals("rope")) {
            throw json.fail("position_embedding_type", embedding + " is not supported; rope is");
        }
        JsonFile scaling = json.object(SCALING);
        JsonFile parameters = json.object(PARAMETERS);
        Rope used = read(scaling.fields().isEmpty() ? parameters : scaling, parameters);
        if (!parameters.fields().isEmpty()) {
            warnUnless(used.equals(read(parameters, parameters)), SCALING + " and " + PARAMETERS, SCALING);
            double theta = json.number("rope_theta", used.theta());
            warnUnless(theta == used.theta(), "rope_theta and that of " + PARAMETERS, PARAMETERS);
        }
        return used;
    }

    private void warnUnless(boolean same, String what, String used) {
        if (!same) {
            warnings.accept(json.message("",
                    what + " contradict each other: " + used + " is used, as transformers does"));
        }
    }

    /** Reads one object of either dialect, which may hold an object for each type of layer. */
    private Rope read(JsonFile holder, JsonFile parameters) {
        List<String> nested = holder.fields().stream().filter(holder::isObject).toList();
        if (nested.isEmpty()) {
            return flat(holder, parameters);
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
        List<Rope> ropes = new ArrayList<>();
        for (String type : layerTypes) {
            JsonFile own = holder.requiredObject(type);
            ropes.add(flat(own, own));
        }
        if (ropes.stream().distinct().count() > 1) {
            throw holder.fail("", "differs between the layers' types " + String.join(" and ", layerTypes)
                    + ", which is not supported");
        }
        return ropes.getFirst();
    }

    private Rope flat(JsonFile rope, JsonFile parameters) {
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
        double theta = rope.number("rope_theta",
                json.number("rope_theta", parameters.number("rope_theta", family.number("rope_theta"))));
        if (!(theta > 0)) {
            throw json.fail("rope_theta", "is " + theta + ", which is not above 0");
        }
        for (JsonFile holder : List.of(json, rope)) {
            if (holder.number("partial_rotary_factor", 1) != 1) {
                throw holder.fail("partial_rotary_factor", "other than 1 is not supported");
            }
        }
        return switch (type) {
            case "default" -> new Rope(theta, 1);
            case "linear" -> {
                double factor = rope.number("factor", 0);
                if (!(factor > 0)) {
                    throw rope.fail("factor", "of linear scaling is missing or not above 0");
                }
                yield new Rope(theta, factor);
            }
            default -> throw rope.fail("rope_type", type + " is not supported; default and linear are");
        };
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
            throw rope.fail("rope_type", Text.printable(type) + " is not supported; default and linear are");
        }
        boolean said = rope.has("rope_type") || rope.has("type");
        for (String field : rope.fields()) {
            if (!said && !rope.isNull(field) && !COMMON.contains(field)) {
                throw rope.fail(field, OWN.values().stream().anyMatch(of -> of.contains(field))
                        ? "is there without a rope_type"
                        : "is not known of rotary embeddings");
            }
        }
        return known;
    }
}
