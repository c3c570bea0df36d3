package io.maseparation.parallel.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.maseparation.moe.testing.TestCheckpoint;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * A field that no reader knows, in any object of any JSON file that a command reads: it is refused or named, in a line
 * that names the file, and never passed over without a word. What a file names itself (a vocabulary's tokens, shards of
 * tensors, fields of a token) has no such fields.
 */
class UnknownFieldsTest {
    private static final String FIELD = "frobnication";
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    static Path temp;

    @BeforeAll
    static void create() throws IOException {
        Path model = HostileInputTest.checkpoint(temp.resolve("model"));
        Files.writeString(model.resolve("tokenizer_config.json"), "{\"eos_token\": \"<unk>\", \"legacy\": false}");
        Files.writeString(model.resolve("special_tokens_map.json"), "{\"bos_token\": \"<s>\"}");
        Path shards = Files.createDirectory(temp.resolve("shards"));
        TestCheckpoint.of("mixtral", "{}", 1).writeConfig(shards).writer().writeSharded(shards, 2);
        write("quantised/config.json", """
                {"model_type": "mixtral", "torch_dtype": "bfloat16", "hidden_size": 256, "intermediate_size": 128,
                 "num_attention_heads": 4, "num_key_value_heads": 2, "num_hidden_layers": 2, "num_local_experts": 4,
                 "vocab_size": 512, "max_position_embeddings": 4096, "quantization_config": {
                   "quant_method": "compressed-tensors", "format": "pack-quantized", "ignore": ["lm_head"],
                   "kv_cache_scheme": {"num_bits": 8, "type": "float"}, "sparsity_config": {"format": "dense"},
                   "config_groups": {"group_0": {"targets": ["Linear"],
                     "weights": {"num_bits": 8, "type": "int", "strategy": "channel", "symmetric": true},
                     "input_activations": {"num_bits": 8, "type": "int", "dynamic": true}}}}}""");
        write("planned/config.json",
                """
                        {"model_type": "granitemoeshared", "dtype": "bfloat16", "hidden_size": 64, "intermediate_size": 32,
                         "shared_intermediate_size": 48, "num_hidden_layers": 2, "num_local_experts": 6,
                         "num_experts_per_tok": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 128,
                         "max_position_embeddings": 512, "embedding_multiplier": 12.0, "rope_theta": 10000, "use_cache": true}""");
        write("trace.json", "{\"layers\": [[[0, 1], [2, 3]]]}");
        write("cluster.json", """
                {"name": "two", "description": "two of a kind", "device_kinds": [{
                   "name": "D", "memory_bytes": {"value": 1e9, "source": "here"}, "memory_bandwidth_bytes_per_s": 1e10,
                   "bandwidth_efficiency": 0.8, "flops_per_s": 1e12, "flops_efficiency": 0.5,
                   "flops_per_s_by_format": {"fp8": 2e12}, "eager_launch_us": 5, "graph_launch_us": 1,
                   "graph_start_us": 8, "operations": {"projection": {"launch_us": 1, "bytes_per_s": 1e10,
                     "flops_per_s": 1e12, "times": [
                       {"outputs": 8, "inputs": 8, "rows": [1, 2], "us": [1, 2], "bytes": [1, 2], "flops": [1, 2]}]}},
                   "kernels": {"router": {"fixed_us": 1, "bandwidth_efficiency": 0.5, "flops_efficiency": 0.5}}}],
                 "nodes": [[{"kind": "D", "count": 2}]], "intra_node": {"latency_us": 1, "bytes_per_s": 1e10},
                 "inter_node": {"latency_us": 1, "bytes_per_s": 1e10}, "relative_errors": {"kernels": 0.1},
                 "collectives": [{"operation": "all-reduce", "devices": 2, "points": [[1, 1], [2, 2]]}]}""");
        assertThat(CommandLineRun.of(CommandLineRun.words("plan -m tiny --batch 2 --context 16 --cluster a100x2"
                + " --time-limit 1 -o " + temp.resolve("plan.json"))).status()).isZero();
    }

    private static void write(String name, String text) throws IOException {
        Files.createDirectories(temp.resolve(name).getParent());
        Files.writeString(temp.resolve(name), text);
    }

    /** All lines on standard error, those of the library's log among them, which go to the process's own. */
    private static String errors(String line) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        PrintStream before = System.err;
        System.setErr(new PrintStream(bytes, true, UTF_8));
        try {
            return CommandLineRun.of(CommandLineRun.words(line)).err() + bytes.toString(UTF_8);
        } finally {
            System.setErr(before);
        }
    }

    private static void pointers(JsonNode node, String at, List<String> objects) {
        if (node.isObject()) {
            objects.add(at);
        }
        node.properties().forEach(child -> pointers(child.getValue(), at + "/" + child.getKey(), objects));
        for (int i = 0; node.isArray() && i < node.size(); i++) {
            pointers(node.get(i), at + "/" + i, objects);
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "model/config.json                     | 2  | generate -n 1 --prompt-ids 1 -m model",
        "model/generation_config.json          | 1  | generate -n 1 --prompt-ids 1 -m model",
        "model/tokenizer_config.json           | 1  | generate -n 1 -p and -m model",
        "model/special_tokens_map.json         | 1  | generate -n 1 -p and -m model",
        "model/tokenizer.json                  | 1  | generate -n 1 -p and -m model",
        "shards/model.safetensors.index.json   | 1  | generate -n 1 --prompt-ids 1 -m shards",
        "quantised/config.json                 | 8  | simulate --batch 2 --context 16 -m quantised",
        "planned/config.json                   | 1  | simulate --batch 2 --context 16 -m planned",
        "trace.json                            | 1  | simulate --batch 2 --context 16 -m tiny --routing trace.json",
        "trace.json                            | 1  | policies --steps 70 --batch 4 --context 16 --policy elastic -m tiny --routing trace.json",
        "plan.json                             | 3  | simulate --plan plan.json",
        "plan.json                             | 3  | generate -n 1 --prompt-ids 1 --plan plan.json",
        "cluster.json                          | 14 | simulate --batch 2 --context 16 -m tiny --cluster cluster.json"})
    void isNamedWhereverItStands(String name, int count, String line) throws IOException {
        Path file = temp.resolve(name);
        String valid = Files.readString(file);
        String command = line.replaceAll("(?<= )(model|shards|quantised|planned|\\w+\\.json)$", temp + "/$1");
        assertThat(errors(command)).doesNotContain("nothing reads", "nothing here reads", "there is no field",
                "not known");
        List<String> objects = new ArrayList<>();
        pointers(JSON.readTree(valid), "", objects);
        objects.removeIf(at -> (name.endsWith("tokenizer.json") && !at.isEmpty()) || at.endsWith("weight_map")
                || (name.endsWith("index.json") && at.endsWith("metadata")));
        assertThat(objects).hasSize(count);
        try {
            for (String at : objects) {
                JsonNode tree = JSON.readTree(valid);
                ((ObjectNode) tree.at(at)).put(FIELD, 7);
                Files.writeString(file, tree.toString());
                assertThat(errors(command).lines()).as("%s%s: %s", name, at, command)
                        .anyMatch(l -> l.startsWith("ma: ") && l.contains(file.toString()) && l.contains(FIELD)
                                && l.length() <= 500);
            }
        } finally {
            Files.writeString(file, valid);
        }
    }

    /** Values that say nothing are not spoken of. */
    @Test
    void fieldsOfPublishedTokenizersAreKnown() throws IOException {
        Path file = temp.resolve("model/tokenizer_config.json");
        String valid = Files.readString(file);
        Files.writeString(file, """
                {"add_bos_token": true, "add_prefix_space": false, "additional_special_tokens": [], "bos_token": "<s>",
                 "chat_template": "x", "clean_up_tokenization_spaces": false, "eos_token": "<unk>", "errors": "replace",
                 "extra_special_tokens": {}, "legacy": true, "model_max_length": 1000000000000000019884624838656,
                 "pad_token": null, "padding_side": "left", "sp_model_kwargs": {}, "split_special_tokens": false,
                 "spaces_between_special_tokens": false, "tokenizer_class": "LlamaTokenizer", "unk_token": "<unk>",
                 "use_default_system_prompt": false, "do_lower_case": false, "from_slow": true, "is_local": true,
                 "backend": "tokenizers", "processor_class": "x", "max_length": 4, "_commit_hash": "x"}""");
        try {
            assertThat(errors("generate -n 1 -p and -m " + temp.resolve("model"))).doesNotContain("tokenizer");
        } finally {
            Files.writeString(file, valid);
        }
    }
}
