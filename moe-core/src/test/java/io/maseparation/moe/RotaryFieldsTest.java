package io.maseparation.moe;

import static io.maseparation.moe.Complaints.assertComplains;
import static io.maseparation.moe.ContradictionsTest.assertOneLine;
import static io.maseparation.moe.ContradictionsTest.expected;
import static io.maseparation.moe.ContradictionsTest.json;
import static io.maseparation.moe.ContradictionsTest.open;
import static io.maseparation.moe.ContradictionsTest.tiny;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.maseparation.moe.ContradictionsTest.Opened;
import io.maseparation.moe.testing.TestCheckpoint;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Fields of the rotary embedding that stand in an object and beside it, of either dialect and for types of layers. */
class RotaryFieldsTest {
    private static final String FULL = "\"full_attention\": ";

    @TempDir
    Path temp;

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "rope_scaling    | \"rope_type\": \"linear\", \"factor\": 2.0",
        "rope_scaling    | \"type\": \"default\"",
        "rope_parameters | \"rope_type\": \"default\"",
        "rope_parameters | \"rope_type\": \"dynamic\", \"factor\": 2.0"})
    void theThetaOfTheObjectGoesBeforeThatBesideIt(String holder, String others) {
        for (HfFamily family : HfFamily.values()) {
            TestCheckpoint model = tiny(family);
            model.config.remove("rope_parameters");
            model.config.setAll(json("{\"%s\": {%s, \"rope_theta\": 500}}".formatted(holder, others)));
            double[] expected = expected(model);
            int before = open(model.write(temp)).lines().size();
            model.config.put("rope_theta", 77);
            Opened opened = open(model.write(temp));
            assertThat(opened.logits()).as(family.modelType).containsExactly(expected, within(1e-5));
            assertThat(opened.lines()).hasSize(before + 1).filteredOn(line -> line.contains("contradict")).hasSize(1)
                    .allMatch(line -> line.contains(("config.json: rope_theta 77 and that of %s, 500, contradict each"
                            + " other: %s is used, as transformers does").formatted(holder, holder)));
            model.config.put("rope_theta", 500);
            assertThat(open(model.write(temp)).lines()).as("twice the same").hasSize(before);
        }
    }

    /** transformers 4 and 5 know of two rules for each of these, and give results by neither. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "rope_scaling    | partial_rotary_factor | 0.7 | 0.4 | false",
        "rope_parameters | partial_rotary_factor | 0.7 | 1   | false",
        "rope_parameters | partial_rotary_factor | 0.7 | 0.4 | true",
        "rope_scaling    | rope_theta            | 500 | 77  | true",
        "rope_parameters | rope_theta            | 500 | 77  | true"})
    void whatNothingDecidesIsRefusedUnlessItIsTheSame(
            String holder, String field, String own, String beside, boolean nested) {
        for (HfFamily family : HfFamily.values()) {
            for (String kind : new String[] {"\"default\"", "\"linear\", \"factor\": 2"}) {
                TestCheckpoint model = tiny(family);
                model.config.remove("rope_parameters");
                String theta = field.equals("rope_theta") ? "" : "\"rope_theta\": 500, ";
                String rope = "{%s\"rope_type\": %s, \"%s\": %s}".formatted(theta, kind, field, own);
                model.config.setAll(json("{\"%s\": %s}".formatted(
                        holder, nested ? "{" + FULL + rope + "}" : rope)));
                double[] expected = expected(model);
                model.config.setAll(json("{\"%s\": %s}".formatted(field, beside)));
                model.write(temp);
                assertComplains(() -> Checkpoint.open(temp),
                        "config.json: %s %s and that of %s, %s, contradict each other"
                                .formatted(field, beside, nested ? "full_attention" : holder, own));
                model.config.setAll(json("{\"%s\": %s}".formatted(field, own)));
                assertThat(open(model.write(temp)).logits()).as("twice the same")
                        .containsExactly(expected, within(1e-5));
            }
        }
    }

    /** What transformers' configuration classes of these families do not read: scaling by type of layer. */
    @ParameterizedTest
    @EnumSource
    void scalingByTypeOfLayerIsUsedAndSaid(HfFamily family) {
        TestCheckpoint model = tiny(family);
        model.config.setAll(json("""
                {"rope_theta": 77, "rope_parameters": {"full_attention": {"rope_type": "linear", "factor": 2}}}"""));
        Opened opened = open(model.write(temp));
        assertThat(opened.config().attention().rope()).isEqualTo(new Rope(77, 2));
        assertOneLine(opened, "config.json: rope_parameters is by type of layer and used, unlike in transformers",
                family.modelType + " has rope_theta 77 and no scaling then");
        model.config.setAll(json("{\"rope_parameters\": {\"full_attention\": {\"rope_type\": \"default\"}}}"));
        assertThat(open(model.write(temp)).lines()).as("the same in transformers").isEmpty();
    }

    /** Layers of one type: parameters of the other are not used, and so contradict nothing. */
    @ParameterizedTest
    @EnumSource
    void parametersOfNoLayerContradictNothing(HfFamily family) {
        TestCheckpoint model = tiny(family);
        model.config.setAll(json("""
                {"rope_theta": 500.0, "rope_parameters": {
                   "full_attention": {"rope_theta": 500.0},
                   "sliding_attention": {"rope_theta": 77.0, "rope_type": "linear", "factor": 8.0}}}"""));
        assertThat(open(model.write(temp)).lines()).isEmpty();
    }

    /** A line for each oddity, not one for each type of layer that has it. */
    @ParameterizedTest
    @EnumSource(names = {"QWEN2_MOE"})
    void bothTypesOfLayersHaveOneLineEach(HfFamily family) {
        TestCheckpoint model = tiny(family);
        model.config.setAll(json("""
                {"use_sliding_window": true, "sliding_window": 3, "rope_theta": 500.0, "rope_parameters": {
                   "full_attention": {}, "sliding_attention": {}}}"""));
        Opened opened = open(model.write(temp));
        assertThat(opened.config().attention().rope()).isEqualTo(new Rope(500, 1));
        assertThat(opened.lines()).isEmpty();
        model.config.put("partial_rotary_factor", 0.7);
        assertOneLine(open(model.write(temp)), "partial_rotary_factor", "4 of the 6 elements");
    }

    /** Whatever the base of the frequencies is, angles are those of the formulas or the base is refused by name. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "\"rope_type\": \"default\"",
        "\"rope_type\": \"linear\", \"factor\": 3",
        "\"rope_type\": \"dynamic\", \"factor\": 3",
        "\"rope_type\": \"yarn\", \"factor\": 4, \"original_max_position_embeddings\": 16",
        "\"rope_type\": \"yarn\", \"factor\": 2, \"original_max_position_embeddings\": 1",
        "\"rope_type\": \"yarn\", \"factor\": 4, \"original_max_position_embeddings\": 16, \"truncate\": false",
        "\"rope_type\": \"llama3\", \"factor\": 4, \"original_max_position_embeddings\": 16, \"low_freq_factor\": 1, \"high_freq_factor\": 4",
        "\"rope_type\": \"longrope\", \"factor\": 4, \"original_max_position_embeddings\": 16, \"short_factor\": [1, 2, 3], \"long_factor\": [1, 4, 9]"})
    void degenerateBasesAreComputedOrRefused(String kind) {
        int tried = 0;
        for (double theta : new double[] {1, 0, -1, -500, 1e-9, 0.5, 1.0000001, 2, 1e30, 3e38}) {
            for (String holder : new String[] {"rope_scaling", "rope_parameters"}) {
                // All families in turn.
                HfFamily family = HfFamily.values()[(3 * tried++ + kind.length()) % HfFamily.values().length];
                TestCheckpoint model = tiny(family);
                model.config.remove("rope_parameters");
                boolean beside = holder.equals("rope_scaling");
                model.config.setAll(json("{\"%s\": {%s%s}, \"rope_theta\": %s}".formatted(
                        holder, kind, beside ? "" : ", \"rope_theta\": " + theta, theta)));
                model.write(temp);
                if (theta <= 0) {
                    assertComplains(() -> Checkpoint.open(temp), "rope_theta is " + theta + ", which is not above 0");
                } else if (theta == 1 && kind.contains("yarn")) {
                    assertComplains(() -> Checkpoint.open(temp), "rope_theta is 1, whose logarithm is 0");
                } else {
                    assertThat(open(temp).logits()).as("%s, theta %s, %s", family.modelType, theta, kind)
                            .containsExactly(expected(model), within(1e-4));
                }
            }
        }
    }

    /** Numbers that are no angles: infinite, lost in the steps of a double, or none at all. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "\"rope_theta\": 1e-40",
        "\"rope_type\": \"linear\", \"factor\": 1e-30",
        "\"rope_type\": \"linear\", \"factor\": 1e-308",
        "\"rope_type\": \"yarn\", \"factor\": 1e-300, \"original_max_position_embeddings\": 16",
        "\"rope_type\": \"llama3\", \"factor\": 1e-300, \"original_max_position_embeddings\": 16, \"low_freq_factor\": 1, \"high_freq_factor\": 4",
        "\"rope_type\": \"longrope\", \"factor\": 4, \"original_max_position_embeddings\": 1, \"short_factor\": [1, 2, 3], \"long_factor\": [1, 4, 9]",
        "\"rope_type\": \"longrope\", \"factor\": 4, \"original_max_position_embeddings\": 16, \"short_factor\": [1, 2, 3], \"long_factor\": [1e-300, 4, 9]",
        "\"rope_type\": \"yarn\", \"factor\": 4, \"original_max_position_embeddings\": 16, \"mscale\": -99, \"mscale_all_dim\": 1"})
    void anglesThatAreNoNumbersAreRefused(String rope) {
        for (HfFamily family : HfFamily.values()) {
            for (String holder : new String[] {"rope_scaling", "rope_parameters"}) {
                TestCheckpoint model = tiny(family);
                model.config.remove("rope_parameters");
                model.config.setAll(json("{\"%s\": {%s}}".formatted(holder, rope)));
                model.write(temp);
                assertComplains(() -> Checkpoint.open(temp),
                        "config.json: " + holder + " gives frequencies or a factor");
            }
        }
    }

    /** Old files have them, and they say how a model was trained. */
    @ParameterizedTest
    @EnumSource
    void frequenciesThatAreNotThoseOfTheConfigurationAreNamed(HfFamily family) {
        String name = "model.layers.1.self_attn.rotary_emb.inv_freq";
        for (String rope : List.of("{\"rope_theta\": 500}",
                "{\"rope_theta\": 500, \"rope_type\": \"linear\", \"factor\": 2}")) {
            TestCheckpoint model = tiny(family);
            model.config.set("rope_parameters", json(rope));
            double[] expected = expected(model);
            for (float[] stored : new float[][] {
                {1, 0.126f, 0.01587f}, {0.5f, 0.063f, 0.00794f}, {1, 0.0464f, 0.00215f}, {1}}) {
                model.writeConfig(temp).writer().add(name, "F32", stored, stored.length)
                        .write(temp.resolve("model.safetensors"));
                Opened opened = open(temp);
                assertThat(opened.logits()).containsExactly(expected, within(1e-5));
                if (stored.length == 3 && stored[1] > (rope.contains("linear") ? 0.05 : 0.1)) {
                    assertThat(opened.lines()).isEmpty();
                } else {
                    assertOneLine(opened, "nothing reads 1 of the tensors", name);
                }
            }
        }
    }
}
