package io.maseparation.moe;

import static io.maseparation.moe.Complaints.assertComplains;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.maseparation.files.JsonFile;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.Operation;
import io.maseparation.moe.segments.Capacity;
import io.maseparation.moe.segments.OperationCost;
import io.maseparation.moe.segments.Part;
import io.maseparation.moe.segments.Segment;
import io.maseparation.moe.segments.SegmentCosts;
import io.maseparation.moe.segments.Shard;
import io.maseparation.moe.segments.StepShape;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Families that are planned and simulated only: their sizes as published, bytes and operations by hand. */
class PlannedFamiliesTest {
    private static final Set<Operation> PRODUCTS = Set.of(Operation.QKV_PROJECTION, Operation.PROJECTION);

    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource({
        // Billions; of the active ones, how many of embedding and output projection the publisher counts.
        "deepseek-v3, 671, 36.7, 1", "deepseek-v2, 236, 21, 1", "kimi-k2, 1026, 32, 1", "gpt-oss-120b, 116.83, 5.13, 1",
        "gpt-oss-20b, 20.91, 3.61, 1", "glm-4.5, 355, 32, 0", "glm-4.5-air, 106, 12.2, 0",
        "ernie-4.5-300b-a47b, 300, 47, 1"
    })
    void parametersAreAsPublished(String name, double total, double active, int tables) {
        ModelConfig config = Presets.config(name);
        ModelSize size = ModelSize.of(config);
        long table = (long) config.vocab() * config.hidden();

        assertThat(size.parameters() / 1e9).isEqualTo(total, within(0.01 * total));
        assertThat((size.activeParameters() - (1L - tables) * table) / 1e9).isEqualTo(active, within(0.01 * active));
        assertThat(QuantisationTest.whole(config).weightBytes(config)).isEqualTo(size.weightBytes());
    }

    @Test
    void glmIsPublishedWithItsLayerOfPredictionAndWithoutEmbeddings() {
        ModelConfig config = Presets.config("glm-4.5");
        ModelSize size = ModelSize.of(config);
        long tables = 2L * config.vocab() * config.hidden();
        long layer = size.layers().getLast().bytes() / 2;
        assertThat((size.parameters() - tables + layer) / 1e9).isEqualTo(355, within(0.5));
    }

    @Test
    void latentAttentionIsAsTheArithmeticSays() {
        ModelConfig config = Presets.config("deepseek-v3").withWeightFormat(Format.BF16);
        long elements = 7168L * 1536 + 1536L * 128 * 192 + 7168L * 576 + 512L * 128 * 256 + 128L * 128 * 7168;
        long small = 2 * 7168 + 1536 + 512;
        assertThat(ModelSize.of(config).layers().getLast().attentionBytes()).isEqualTo(2 * elements + 4 * small);
        Shard shard = QuantisationTest.whole(config);
        // 576 numbers per position and layer, whatever the heads.
        assertThat(new Capacity(1, 0, 1, 1000, List.of(1000), DataType.F16).kvBytes(config, shard))
                .isEqualTo(61L * 1000 * 1152);
        assertThat(new Capacity(1, 0, 1, 1000, List.of(1000), Format.FP8).kvBytes(config, shard))
                .isEqualTo(61L * 1000 * 576);

        int rows = 7;
        int context = 300;
        List<OperationCost> decode = costs(config, shard, StepShape.decode(rows, context), Format.F16);
        assertThat(flops(decode, PRODUCTS)).isEqualTo(2L * rows * elements);
        assertThat(stored(decode, PRODUCTS)).isEqualTo(2 * elements);
        assertThat(flops(decode, Set.of(Operation.DECODE_ATTENTION)))
                .isEqualTo(2L * rows * context * 128 * (576 + 512));
        assertThat(stored(decode, Set.of(Operation.DECODE_ATTENTION))).isEqualTo(2L * rows * context * 576);
        assertThat(stored(costs(config, shard, StepShape.decode(rows, context), Format.FP8),
                Set.of(Operation.DECODE_ATTENTION))).isEqualTo((long) rows * context * 576);

        // Half of the heads have half of what is by head, and all of what is not.
        long half = 7168L * 1536 + 1536L * 64 * 192 + 7168L * 576 + 512L * 64 * 256 + 64L * 128 * 7168;
        Shard slice = new Shard(0, 61, Optional.of(Shard.Heads.slice(config, 1, 2)), shard.experts(), false,
                Optional.empty());
        assertThat(stored(costs(config, slice, StepShape.decode(rows, context), Format.F16), PRODUCTS))
                .isEqualTo(2 * half);
        assertThat(new Capacity(1, 0, 1, 1000, List.of(1000), DataType.F16).kvBytes(config, slice))
                .isEqualTo(61L * 1000 * 1152);
    }

    @Test
    void aPrefillMakesKeysAndValuesOfAllPositions() {
        ModelConfig config = Presets.config("deepseek-v3").withWeightFormat(Format.BF16);
        int rows = 4;
        int context = 10;
        StepShape shape =
                new StepShape(true, List.of(new StepShape.Piece(rows, context)), 1, StepShape.ExpertLoad.NONE);
        List<OperationCost> prefill = costs(config, QuantisationTest.whole(config), shape, Format.F16);

        long unfold = 2L * context * 512 * 128 * 256;
        long others = 2L * rows * (7168L * 1536 + 1536L * 128 * 192 + 7168L * 576 + 128L * 128 * 7168);
        assertThat(flops(prefill, PRODUCTS)).isEqualTo(unfold + others);
        // Rows 7 to 10 see as many positions.
        assertThat(flops(prefill, Set.of(Operation.PREFILL_ATTENTION)))
                .isEqualTo(2L * (7 + 8 + 9 + 10) * 128 * (192 + 128));
        assertThat(stored(prefill, Set.of(Operation.PREFILL_ATTENTION))).isEqualTo(2L * context * 576);
    }

    private static List<OperationCost> costs(ModelConfig config, Shard shard, StepShape shape, Format cache) {
        return new SegmentCosts(config, shard, cache)
                .of(new Segment("attention", List.of(new Part.Attention(60))), shape);
    }

    private static long flops(List<OperationCost> tasks, Set<Operation> of) {
        return tasks.stream().filter(t -> of.contains(t.operation())).mapToLong(t -> t.cost().flops()).sum();
    }

    private static long stored(List<OperationCost> tasks, Set<Operation> of) {
        return tasks.stream().filter(t -> of.contains(t.operation())).mapToLong(t -> t.cost().storedBytes()).sum();
    }

    @Test
    void gptOssHasWindowsSinksAndBiases() {
        ModelConfig config = Presets.config("gpt-oss-20b");
        assertThat(config.layers()).extracting(ModelConfig.Layer::slidingWindow).startsWith(128, 0, 128, 0);
        ModelSize.Layer layer = ModelSize.of(config).layers().getFirst();
        long matrices = 2L * 2880 * 64 * (64 + 8);
        assertThat(layer.attentionBytes()).isEqualTo(2 * matrices + 4 * (2 * 2880 + 64 + 64 * (64 + 16) + 2880));
        assertThat(layer.expertBytes()).isEqualTo(3L * 2880 * 2880 * 17 / 32 + 4 * 3 * 2880);
        assertThat(layer.routerBytes()).isEqualTo(4 * 32 * 2881);
        // Half of the layers keep 128 of 1000 positions.
        assertThat(new Capacity(1, 0, 1, 2000, List.of(1000), DataType.F16).kvBytes(config,
                QuantisationTest.whole(config)))
                .isEqualTo(12L * (2000 + 256) * 2 * 8 * 64 * 2);
    }

    @Test
    void denseLayersAndSharedExpertsAreWhereTheyAre() {
        ModelConfig v3 = Presets.config("deepseek-v3");
        assertThat(v3.layers().subList(0, 3)).allMatch(l -> l.routing().experts() == 0 && l.extraWidth() == 18432);
        assertThat(v3.layers().subList(3, 61))
                .allMatch(l -> l.routing().experts() == 256 && l.expertWidth() == 2048 && l.extraWidth() == 2048);
        assertThat(Presets.config("deepseek-v2").layers().getLast().extraWidth()).isEqualTo(2 * 1536);
        assertThat(Presets.config("ernie-4.5-300b-a47b").layers())
                .extracting(l -> l.routing().experts()).startsWith(0, 0, 0, 64).endsWith(64);
    }

    @Test
    void graniteSharedIsReadFromItsFolder() throws IOException {
        write("""
                {"model_type": "granitemoeshared", "dtype": "bfloat16", "hidden_size": 64, "intermediate_size": 32,
                 "shared_intermediate_size": 48, "num_hidden_layers": 2, "num_local_experts": 6,
                 "num_experts_per_tok": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 128,
                 "max_position_embeddings": 512, "tie_word_embeddings": true, "embedding_multiplier": 12.0}""");
        ModelConfig config = HfConfig.plan(folder);

        assertThat(ModelSize.of(config).parameters()).isEqualTo(
                2 * (2 * 64 * 16 * 6 + 6 * 3 * 64 * 32 + 3 * 64 * 48 + 6 * 64 + 2 * 64) + 128 * 64 + 64);
        assertThat(config.planningOnly()).isTrue();
    }

    /** Fields of published configurations that are read or change no size, and one that is neither. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '"', value = {
        "deepseek-v3 | 'attention_dropout': 0.0, 'auto_map': {'AutoConfig': 'x'}, 'aux_loss_alpha': 0.001, 'ep_size': 1,"
                + " 'n_group': 8, 'num_nextn_predict_layers': 1, 'pretraining_tp': 1, 'routed_scaling_factor': 2.5,"
                + " 'scoring_func': 'sigmoid', 'seq_aux': true, 'topk_group': 4, 'topk_method': 'noaux_tc',"
                + " 'norm_topk_prob': true, 'moe_layer_freq': 1, 'rms_norm_eps': 1e-6, 'rope_theta': 10000",
        "gpt-oss-20b | 'experts_per_token': 4, 'initial_context_length': 4096, 'swiglu_limit': 7.0,"
                + " 'output_router_logits': false, 'router_aux_loss_coef': 0.9, 'attention_bias': true, 'use_cache': true",
        "glm-4.5 | 'partial_rotary_factor': 0.5, 'n_group': 1, 'topk_group': 1, 'routed_scaling_factor': 2.5,"
                + " 'num_nextn_predict_layers': 1, 'initializer_range': 0.02, 'rope_scaling': null",
        "ernie-4.5-300b-a47b | 'use_bias': false, 'moe_capacity': [64, 64, 64], 'moe_gate': 'topk',"
                + " 'moe_use_aux_free': true, 'moe_aux_loss_lambda': 1e-5, 'disable_ffn_model_parallel': true"})
    void fieldsOfPublishedConfigurationsAreKnown(String preset, String more) throws IOException {
        try (InputStream in = Presets.class.getResourceAsStream("presets.json")) {
            ObjectNode config = (ObjectNode) new ObjectMapper().readTree(in).get(preset);
            config.setAll((ObjectNode) new ObjectMapper().readTree("{" + more.replace('\'', '"') + "}"));
            write(config.toString());
            List<String> lines = new ArrayList<>();
            assertThat(ModelSize.of(HfConfig.plan(folder, lines::add)))
                    .isEqualTo(ModelSize.of(Presets.config(preset)));
            assertThat(lines).isEmpty();
            write(config.put("mlp_layer_types", "dense").put("shared_width", 3).toString());
            HfConfig.plan(folder, lines::add);
            assertThat(lines).singleElement().asString()
                    .contains("config.json: has mlp_layer_types, shared_width, which nothing here reads");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "deepseek_v2", "deepseek_v3", "kimi_k2", "gpt_oss", "glm4_moe", "ernie4_5_moe", "granitemoeshared"
    })
    void runningThemIsRefusedByName(String family) throws IOException {
        write("{\"model_type\": \"%s\"}".formatted(family));
        assertComplains(() -> Checkpoint.open(folder).close(), "model_type", family, "planning only", "mixtral");
        assertComplains(() -> HfConfig.plan(folder), "config.json", "is missing");
    }

    @Test
    void everyFieldOfTheFileIsTheNameOfAPreset() throws IOException {
        try (InputStream in = Presets.class.getResourceAsStream("presets.json")) {
            List<String> fields = JsonFile.openSourced("presets.json", in).fields();
            assertThat(Presets.names()).endsWith(fields.toArray(String[]::new)).doesNotHaveDuplicates();
        }
    }

    @Test
    void presetsForPlanningHaveNoWeights() {
        assertComplains(() -> RandomWeights.create(Presets.config("gpt-oss-20b"), 0), "gpt-oss-20b", "for planning");
    }

    private void write(String json) throws IOException {
        Files.writeString(folder.resolve("config.json"), json);
    }
}
