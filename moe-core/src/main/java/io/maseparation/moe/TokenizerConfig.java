package io.maseparation.moe;

import io.maseparation.files.Existing;
import io.maseparation.files.JsonFile;
import io.maseparation.files.ModelException;
import io.maseparation.files.Text;
import io.maseparation.files.Utf8Stream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * What a checkpoint's {@code tokenizer_config.json} and {@code special_tokens_map.json} say beside tokenizer.json, and
 * its chat templates.
 *
 * @param addBos whether a beginning-of-sequence token goes before a text; empty for what tokenizer.json does
 * @param addEos whether an end-of-sequence token goes behind a text; empty for what tokenizer.json does
 * @param tokens special tokens by name: bos_token, eos_token and such
 * @param added tokens of added_tokens_decoder, with their ids
 * @param splits whether special tokens in a text are taken apart
 * @param templates chat templates by name, "default" being the one to use
 * @param templateFile the file that the templates are in
 */
record TokenizerConfig(
        Optional<Boolean> addBos, Optional<Boolean> addEos, Map<String, String> tokens,
        Map<String, Integer> added, boolean splits, Map<String, String> templates, Path templateFile) {
    private static final String FILE = "tokenizer_config.json";
    private static final String MAP = "special_tokens_map.json";
    private static final String ADDED = "added_tokens_decoder";
    private static final String TEMPLATE = "chat_template";
    private static final String DEFAULT = "default";
    private static final List<String> SPECIAL = List.of(
            "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token");
    private static final int LONGEST_TEMPLATE = 1 << 20;

    /**
     * Reads the files of a checkpoint; without them nothing is known.
     *
     * @param warnings takes a line about what contradicts the rest
     * @throws ModelException of one line naming file and field, if a value makes no sense
     */
    static TokenizerConfig read(Path folder, Consumer<String> warnings) {
        Path file = folder.resolve(FILE);
        Optional<JsonFile> json = json(file);
        Path own = folder.resolve("chat_template.jinja");
        boolean hasOwn = Existing.file(own);
        Map<String, String> templates = json.map(TokenizerConfig::templates).orElse(Map.of());
        if (hasOwn) {
            String template = text(own);
            if (!templates.getOrDefault(DEFAULT, template).equals(template)) {
                warnings.accept(Text.message("%s: is used, and not the other chat_template of %s, as transformers does"
                        .formatted(Text.printable(own), FILE)));
            }
            templates = Map.of(DEFAULT, template);
        }
        return new TokenizerConfig(
                json.flatMap(j -> flag(j, "add_bos_token")), json.flatMap(j -> flag(j, "add_eos_token")),
                tokens(folder, json), json.map(TokenizerConfig::added).orElse(Map.of()),
                json.map(j -> j.flag("split_special_tokens", false)).orElse(false),
                templates, hasOwn ? own : file);
    }

    /**
     * Special tokens by name. Where tokenizer_config.json does not list the added tokens, special_tokens_map.json goes
     * before it, as in transformers, and is not read otherwise.
     */
    private static Map<String, String> tokens(Path folder, Optional<JsonFile> config) {
        Map<String, String> tokens = new LinkedHashMap<>();
        Consumer<JsonFile> read =
                json -> SPECIAL.stream().filter(json::has).forEach(name -> tokens.put(name, token(json, name)));
        config.ifPresent(read);
        Optional<JsonFile> map = json(folder.resolve(MAP));
        if (config.filter(json -> json.has(ADDED)).isEmpty()) {
            map.ifPresent(read);
        }
        return tokens;
    }

    /**
     * The id of the eos_token of tokenizer_config.json or special_tokens_map.json, by added_tokens_decoder or
     * added_tokens of tokenizer.json; none if they name no such token.
     */
    static List<Integer> eos(Path folder) {
        Optional<JsonFile> json = json(folder.resolve(FILE));
        String eos = tokens(folder, json).get("eos_token");
        if (eos == null) {
            return List.of();
        }
        Integer id = json.map(TokenizerConfig::added).orElse(Map.of()).get(eos);
        if (id != null) {
            return List.of(id);
        }
        Path tokenizer = folder.resolve("tokenizer.json");
        return Existing.file(tokenizer)
                ? JsonFile.open(tokenizer).objects("added_tokens").stream()
                        .filter(t -> t.text("content", "").equals(eos))
                        .map(t -> t.integer("id", 0, Integer.MAX_VALUE))
                        .toList()
                : List.of();
    }

    private static Map<String, Integer> added(JsonFile json) {
        Map<String, Integer> added = new LinkedHashMap<>();
        for (JsonFile token : json.members(ADDED)) {
            if (token.name().matches("\\d{1,9}")) {
                added.putIfAbsent(token.text("content", ""), Integer.valueOf(token.name()));
            }
        }
        return added;
    }

    private static Optional<JsonFile> json(Path file) {
        return Existing.file(file) ? Optional.of(JsonFile.open(file)) : Optional.empty();
    }

    /** A token's text, which may be in an object. */
    private static String token(JsonFile json, String field) {
        return json.isObject(field) ? json.object(field).text("content", "") : json.text(field, "");
    }

    private static Optional<Boolean> flag(JsonFile json, String field) {
        return json.has(field) ? Optional.of(json.flag(field, false)) : Optional.empty();
    }

    private static Map<String, String> templates(JsonFile json) {
        if (!json.has(TEMPLATE)) {
            return Map.of();
        }
        if (!json.json(TEMPLATE).startsWith("[")) {
            return Map.of(DEFAULT, json.text(TEMPLATE, ""));
        }
        Map<String, String> templates = new LinkedHashMap<>();
        for (JsonFile entry : json.objects(TEMPLATE)) {
            String name = entry.name("name");
            if (!entry.has("template") || templates.put(name, entry.text("template", "")) != null) {
                throw entry.fail("template", "is missing or there twice");
            }
        }
        return templates;
    }

    private static String text(Path file) {
        try (InputStream in = new Utf8Stream(Files.newInputStream(file))) {
            byte[] bytes = in.readNBytes(LONGEST_TEMPLATE + 1);
            if (bytes.length > LONGEST_TEMPLATE) {
                throw new ModelException(Text.printable(file) + ": is too long for a template");
            }
            return new String(bytes, StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new ModelException(Text.printable(file) + ": cannot be read: " + Text.reason(e), e);
        }
    }

    /** The template to use, if there is one; several without a default are refused when it is used. */
    Optional<ChatTemplate> template() {
        if (templates.isEmpty()) {
            return Optional.empty();
        }
        String source = templates.get(DEFAULT);
        if (source == null) {
            throw new ModelException("%s: none of the chat templates is called default; there are %s"
                    .formatted(Text.printable(templateFile), Text.printable(String.join(", ", templates.keySet()))));
        }
        return Optional.of(new ChatTemplate(templateFile.toString(), source, tokens));
    }
}
