package io.maseparation.moe;

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
        "rope_scaling    | rope_theta            | 500 | 77  | \"rope_type\": \"linear\", \"factor\": 2.0",
        "rope_scaling    | rope_theta            | 500 | 77  | \"type\": \"default\"",
        "rope_parameters | rope_theta            | 500 | 77  | \"rope_type\": \"default\"",
        "rope_parameters | rope_theta            | 500 | 77  | \"rope_type\": \"dynamic\", \"factor\": 2.0",
        "rope_scaling    | partial_rotary_factor | 0.7 | 0.4 | \"rope_theta\": 500, \"rope_type\": \"linear\", \"factor\": 2.0",
        "rope_parameters | partial_rotary_factor | 0.7 | 0.4 | \"rope_theta\": 500, \"rope_type\": \"default\"",
        "rope_parameters | partial_rotary_factor | 0.7 | 1   | \"rope_theta\": 500, \"rope_type\": \"yarn\", \"factor\": 2.0"})
    void whatTheObjectSaysGoesBeforeWhatStandsBesideIt(
            String holder, String field, String own, String beside, String others) {
        for (HfFamily family : HfFamily.values()) {
            for (boolean nested : new boolean[] {false, true}) {
                TestCheckpoint model = tiny(family);
                model.config.remove("rope_parameters");
                String rope = "{%s, \"%s\": %s}".formatted(others, field, own);
                model.config.setAll(json("{\"%s\": %s}".formatted(
                        holder, nested ? "{" + FULL + rope + "}" : rope)));
                double[] expected = expected(model);
                int before = open(model.write(temp)).lines().size();
                model.config.setAll(json("{\"%s\": %s}".formatted(field, beside)));
                Opened opened = open(model.write(temp));
                String as = "%s, nested %s".formatted(family, nested);
                assertThat(opened.logits()).as(as).containsExactly(expected, within(1e-5));
                assertThat(opened.lines()).as(as).hasSize(before + 1);
                String used = nested ? "full_attention" : holder;
                assertThat(opened.lines()).as(as).filteredOn(line -> line.contains("contradict")).hasSize(1)
                        .allMatch(line -> line.contains("config.json: %s %s and that of %s, %s, contradict each other: "
                                .formatted(field, beside, used, own) + used + " is used, as transformers does"));
                model.config.setAll(json("{\"%s\": %s}".formatted(field, own)));
                assertThat(open(model.write(temp)).lines()).as("twice the same").hasSize(before);
            }
        }
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
                {"use_sliding_window": true, "sliding_window": 3, "rope_theta": 77.0, "rope_parameters": {
                   "full_attention": {"rope_theta": 500.0}, "sliding_attention": {"rope_theta": 500.0}}}"""));
        Opened opened = open(model.write(temp));
        assertThat(opened.config().attention().rope()).isEqualTo(new Rope(500, 1));
        assertThat(opened.lines()).hasSize(2).allMatch(line -> line.contains("contradict each other"));
        model.config.remove("rope_theta");
        model.config.put("partial_rotary_factor", 0.7);
        assertOneLine(open(model.write(temp)), "partial_rotary_factor", "4 of the 6 elements");
    }
}
