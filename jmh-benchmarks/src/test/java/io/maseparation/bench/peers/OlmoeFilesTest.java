package io.maseparation.bench.peers;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.maseparation.kernels.DataType;
import io.maseparation.kernels.ExpertWeights;
import io.maseparation.kernels.WeightMatrix;
import io.maseparation.moe.LayerWeights;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.Presets;
import io.maseparation.moe.RandomWeights;
import io.maseparation.parallel.Model;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/** A model's weights come back from both files that the comparison with llama.cpp writes. */
class OlmoeFilesTest {
    @TempDir
    private Path folder;

    /** The preset's rules, with sizes of which hardly any is a multiple of the alignment. */
    private static ModelConfig config() {
        ModelConfig olmoe = Presets.config("olmoe-1b-7b").withWeightType(DataType.F16);
        ModelConfig.Layer layer = olmoe.layers().getFirst().withExperts(5, 2, 6);
        return new ModelConfig(
                "small", olmoe.family(), 20, new ModelConfig.Vocabulary(37, false, List.of()),
                ModelConfig.Attention.of(
                        new ModelConfig.Heads(2, 2, 10), 64, olmoe.attention().rope(), olmoe.qkNorm()),
                olmoe.feedForward(), olmoe.numerics(), List.of(layer, layer, layer));
    }

    private record Tensor(List<Long> dimensions, int type, byte[] data) {}

    /** As the format's description has it, and in nothing the writer's code. */
    private record Gguf(Map<String, Object> values, Map<String, Tensor> tensors) {
        static Gguf read(Path file) throws IOException {
            ByteBuffer in = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
            byte[] magic = new byte[4];
            in.get(magic);
            assertThat(magic).isEqualTo("GGUF".getBytes(UTF_8));
            assertThat(in.getInt()).isEqualTo(3);
            long tensors = in.getLong();
            long values = in.getLong();
            Map<String, Object> named = new LinkedHashMap<>();
            for (long i = 0; i < values; i++) {
                String key = text(in);
                int type = in.getInt();
                named.put(key, switch (type) {
                    case 4 -> in.getInt();
                    case 6 -> in.getFloat();
                    case 8 -> text(in);
                    default -> throw new AssertionError("type " + type + " of " + key);
                });
            }
            record Header(String name, List<Long> dimensions, int type, long offset) {}
            List<Header> infos = new ArrayList<>();
            for (long i = 0; i < tensors; i++) {
                String name = text(in);
                List<Long> dimensions = new ArrayList<>();
                for (int d = in.getInt(); d > 0; d--) {
                    dimensions.add(in.getLong());
                }
                infos.add(new Header(name, dimensions, in.getInt(), in.getLong()));
            }
            int alignment = (int) named.get("general.alignment");
            int start = (in.position() + alignment - 1) / alignment * alignment;
            Map<String, Tensor> read = new LinkedHashMap<>();
            for (Header info : infos) {
                assertThat(info.offset % alignment).as(info.name).isZero();
                long elements = info.dimensions.stream().reduce(1L, (a, b) -> a * b);
                byte[] data = new byte[(int) elements * (info.type == 0 ? 4 : 2)];
                in.get(start + (int) info.offset, data);
                assertThat(read.put(info.name, new Tensor(info.dimensions, info.type, data))).as(info.name).isNull();
            }
            return new Gguf(named, read);
        }

        private static String text(ByteBuffer in) {
            byte[] bytes = new byte[(int) in.getLong()];
            in.get(bytes);
            return new String(bytes, UTF_8);
        }

        /** A matrix, or one of several, in fp16. */
        void hasMatrix(String name, WeightMatrix expected, int index, int of) {
            Tensor tensor = tensors.get(name);
            assertThat(tensor.type).as(name).isEqualTo(1);
            List<Long> dimensions = new ArrayList<>(List.of((long) expected.cols(), (long) expected.rows()));
            if (of > 1) {
                dimensions.add((long) of);
            }
            assertThat(tensor.dimensions).as(name).isEqualTo(dimensions);
            ByteBuffer data = ByteBuffer.wrap(tensor.data).order(ByteOrder.LITTLE_ENDIAN);
            int bytes = 2 * expected.rows() * expected.cols();
            assertThat(data.slice(index * bytes, bytes))
                    .as(name)
                    .isEqualTo(expected.data().getSegment().asSlice(2L * expected.offset(), bytes).asByteBuffer());
        }

        /** A vector, or the router, in fp32. */
        void hasFloats(String name, FloatArray expected, Long... dimensions) {
            Tensor tensor = tensors.get(name);
            assertThat(tensor.type).as(name).isZero();
            assertThat(tensor.dimensions).as(name).containsExactly(dimensions);
            ByteBuffer data = ByteBuffer.wrap(tensor.data).order(ByteOrder.LITTLE_ENDIAN);
            for (int i = 0; i < expected.getSize(); i++) {
                assertThat(data.getFloat(4 * i)).as(name).isEqualTo(expected.get(i));
            }
        }
    }

    @Test
    void ggufHasAllWeightsUnderTheNamesOfLlamaCpp() throws IOException {
        ModelWeights weights = RandomWeights.create(config(), 3);
        Path file = folder.resolve("model.gguf");
        OlmoeGguf.write(weights, file);
        Gguf gguf = Gguf.read(file);

        assertThat(gguf.values).containsExactlyInAnyOrderEntriesOf(Map.ofEntries(
                Map.entry("general.architecture", "olmoe"), Map.entry("general.name", "small"),
                Map.entry("general.alignment", 32), Map.entry("general.file_type", 1),
                Map.entry("olmoe.block_count", 3), Map.entry("olmoe.context_length", 64),
                Map.entry("olmoe.embedding_length", 20), Map.entry("olmoe.feed_forward_length", 6),
                Map.entry("olmoe.attention.head_count", 2), Map.entry("olmoe.attention.head_count_kv", 2),
                Map.entry("olmoe.attention.layer_norm_rms_epsilon", 1e-5f), Map.entry("olmoe.rope.freq_base", 1e4f),
                Map.entry("olmoe.expert_count", 5), Map.entry("olmoe.expert_used_count", 2),
                Map.entry("olmoe.vocab_size", 37), Map.entry("tokenizer.ggml.model", "none")));
        assertThat(gguf.tensors).hasSize(3 + 3 * 12);
        gguf.hasMatrix("token_embd.weight", weights.embedding(), 0, 1);
        gguf.hasFloats("output_norm.weight", weights.finalNorm(), 20L);
        gguf.hasMatrix("output.weight", weights.output(), 0, 1);
        for (int i = 0; i < 3; i++) {
            LayerWeights layer = weights.layers().get(i);
            LayerWeights.Attention attention = layer.attention();
            String of = "blk." + i + ".";
            gguf.hasFloats(of + "attn_norm.weight", layer.inputNorm(), 20L);
            gguf.hasMatrix(of + "attn_q.weight", attention.q(), 0, 1);
            gguf.hasMatrix(of + "attn_k.weight", attention.k(), 0, 1);
            gguf.hasMatrix(of + "attn_v.weight", attention.v(), 0, 1);
            gguf.hasMatrix(of + "attn_output.weight", attention.o(), 0, 1);
            gguf.hasFloats(of + "attn_q_norm.weight", attention.qNorm(), 20L);
            gguf.hasFloats(of + "attn_k_norm.weight", attention.kNorm(), 20L);
            gguf.hasFloats(of + "ffn_norm.weight", layer.postNorm(), 20L);
            gguf.hasFloats(of + "ffn_gate_inp.weight", layer.router(), 20L, 5L);
            for (int e = 0; e < 5; e++) {
                ExpertWeights expert = layer.experts().get(e);
                gguf.hasMatrix(of + "ffn_gate_exps.weight", expert.gate(), e, 5);
                gguf.hasMatrix(of + "ffn_up_exps.weight", expert.up(), e, 5);
                gguf.hasMatrix(of + "ffn_down_exps.weight", expert.down(), e, 5);
            }
        }
    }

    /** GGUF of the checkpoint is GGUF of the model, but for vectors, which the checkpoint rounds. */
    @Test
    void checkpointIsTheSameModel() throws IOException {
        ModelConfig config = config();
        ModelWeights weights = RandomWeights.create(config, 3);
        OlmoeCheckpoint.write(weights, folder);
        try (Model model = Model.checkpoint(folder)) {
            assertThat(model.config().attention()).isEqualTo(config.attention());
            assertThat(model.config().layers()).isEqualTo(config.layers());
            assertThat(model.config().feedForward()).isEqualTo(config.feedForward());
            assertThat(model.config().numerics()).isEqualTo(config.numerics());
            OlmoeGguf.write(weights, folder.resolve("made.gguf"));
            OlmoeGguf.write(model.weights(), folder.resolve("read.gguf"));
            Map<String, Tensor> made = Gguf.read(folder.resolve("made.gguf")).tensors;
            Map<String, Tensor> read = Gguf.read(folder.resolve("read.gguf")).tensors;
            assertThat(read.keySet()).isEqualTo(made.keySet());
            made.forEach((name, tensor) -> {
                byte[] data = read.get(name).data;
                assertThat(data).as(name).isEqualTo(tensor.type == 0 ? rounded(tensor.data) : tensor.data);
            });
        }
    }

    private static byte[] rounded(byte[] floats) {
        ByteBuffer in = ByteBuffer.wrap(floats).order(ByteOrder.LITTLE_ENDIAN);
        ByteBuffer out = ByteBuffer.allocate(floats.length).order(ByteOrder.LITTLE_ENDIAN);
        while (in.hasRemaining()) {
            out.putFloat(Float.float16ToFloat(Float.floatToFloat16(in.getFloat())));
        }
        return out.array();
    }

    @Test
    void otherModelsAreRefused() {
        for (String preset : List.of("tiny", "mixtral-8x7b", "qwen3-30b-a3b")) {
            assertThatThrownBy(() -> OlmoeGguf.check(Presets.config(preset)))
                    .as(preset)
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageStartingWith("not an olmoe model: ");
        }
        OlmoeGguf.check(Presets.config("olmoe-1b-7b"));
        ModelConfig tied = config().withTied(true);
        assertThatThrownBy(() -> OlmoeGguf.check(tied)).hasMessageContaining("output projection");
    }
}
