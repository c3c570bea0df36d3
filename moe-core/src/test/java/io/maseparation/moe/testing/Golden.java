package io.maseparation.moe.testing;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A tiny checkpoint and what Hugging Face's transformers computed with it.
 *
 * @param name such as mixtral/f32
 * @param folder the checkpoint, a copy that tests may write to
 * @param prompts token ids
 * @param greedy the continuation of each prompt, end-of-sequence tokens ignored
 * @param lastLogits logits [vocab] at each prompt's last position
 */
public record Golden(String name, Path folder, List<int[]> prompts, List<int[]> greedy, List<double[]> lastLogits) {
    /** Largest error of a logit that passes. */
    public static final double TOLERANCE = 2e-5;

    private static final String[] FILES = {"config.json", "model.safetensors", "golden.json"};

    /** Names of all golden checkpoints. */
    public static List<String> names() {
        return List.of("mixtral/f32", "mixtral/bf16", "olmoe/f32");
    }

    /**
     * Copies a golden checkpoint out of the class path and reads what belongs to it.
     *
     * @param into folder for the copy
     */
    public static Golden copy(String name, Path into) {
        try {
            Path folder = Files.createDirectories(into.resolve(name));
            for (String file : FILES) {
                try (InputStream in = Golden.class.getResourceAsStream("/golden/" + name + "/" + file)) {
                    Files.write(folder.resolve(file), in.readAllBytes());
                }
            }
            JsonNode json = new ObjectMapper().readTree(folder.resolve("golden.json").toFile());
            List<int[]> prompts = new ArrayList<>();
            List<int[]> greedy = new ArrayList<>();
            List<double[]> logits = new ArrayList<>();
            for (int i = 0; i < json.get("input_ids").size(); i++) {
                prompts.add(ints(json.get("input_ids").get(i)));
                greedy.add(ints(json.get("greedy").get(i)));
                JsonNode row = json.get("last_logits").get(i);
                double[] values = new double[row.size()];
                for (int j = 0; j < values.length; j++) {
                    values[j] = row.get(j).doubleValue();
                }
                logits.add(values);
            }
            return new Golden(name, folder, prompts, greedy, logits);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static int[] ints(JsonNode array) {
        int[] values = new int[array.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = array.get(i).intValue();
        }
        return values;
    }
}
