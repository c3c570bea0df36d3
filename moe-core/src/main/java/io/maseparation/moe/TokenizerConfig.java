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
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.ToIntFunction;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What a checkpoint's {@code tokenizer_config.json} and {@code special_tokens_map.json} say beside tokenizer.json, and
 * its chat templates.
 *
 * @param flags what is on and off
 * @param tokens special tokens by name: bos_token, eos_token and such
 * @param added tokens that transformers adds to those of tokenizer.json
 * @param templates chat templates by name, "default" being the one to use
 * @param templateFile the file that the templates are in
 * @param otherTemplate whether tokenizer_config.json has another template than that file
 * @param unread by file the fields that nothing here reads and that say something
 */
record TokenizerConfig(
        Flags flags, Map<String, String> tokens, List<Added> added, Map<String, String> templates,
        Path templateFile, boolean otherTemplate, Map<Path, List<String>> unread) {
    private static final String FILE = "tokenizer_config.json";
    private static final String MAP = "special_tokens_map.json";
    private static final String ADDED = "added_tokens_decoder";
    private static final String ADDED_FILE = "added_tokens.json";
    private static final String TEMPLATE = "chat_template";
    /** What a list of templates has for each. */
    private static final Set<String> ENTRY = Set.of("name", "template");
    private static final String CLEANS = "clean_up_tokenization_spaces";
    private static final String CLEANS_ALL = CLEANS + "_for_bpe_even_though_it_will_corrupt_output";
    private static final String DEFAULT = "default";
    private static final List<String> SPECIAL = List.of(
            "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token");
    /** Fields with further special tokens. */
    private static final List<String> FURTHER =
            List.of("additional_special_tokens", "extra_special_tokens", "model_specific_special_tokens");
    private static final String SPLITS = "split_special_tokens";
    private static final String ADDS_BOS = "add_bos_token";
    private static final String ADDS_EOS = "add_eos_token";
    private static final String PREFIXES = "add_prefix_space";

    /** Other fields, which change nothing where tokenizer.json is there and one text is encoded whole. */
    private static final Set<String> HARMLESS =
            Set.of("""
                    tokenizer_class model_max_length max_length padding padding_side pad_to_multiple_of pad_token_type_id truncation
                    truncation_side truncation_strategy stride model_input_names name_or_path special_tokens_map_file
                    tokenizer_file vocab_file merges_file processor_class auto_map legacy sp_model_kwargs
                    use_default_system_prompt spaces_between_special_tokens errors backend is_local use_fast trust_remote_code
                    tokenizer_type local_files_only verbose padding_strategy return_token_type_ids response_schema from_slow
                    transformers_version added_tokens_file"""
                    .strip().split("\\s+", -1));

    /** Values of a field that say nothing. */
    private static final Set<String> NOTHING = Set.of("null", "false", "\"\"", "[]", "{}");
    private static final Set<String> READ =
            Set.of(ADDED, TEMPLATE, CLEANS, CLEANS_ALL, SPLITS, ADDS_BOS, ADDS_EOS, PREFIXES);
    private static final int LONGEST_TEMPLATE = 1 << 20;

    /**
     * A token that transformers adds.
     *
     * @param text its text
     * @param file the file that has it
     * @param field the field there; empty for the file itself
     * @param id its id there; -1 where it has none
     * @param settings how it is looked for, as far as that is said, as {@link TokenizerFile#settings()} has it
     */
    record Added(String text, Path file, String field, int id, Map<String, Boolean> settings) {
        private Added(String text, Path file, String field, int id) {
            this(text, file, field, id, Map.of());
        }

        /** File and field, as the begin of a line. */
        String source() {
            return Text.printable(file) + (field.isEmpty() ? "" : ": " + field);
        }
    }

    /**
     * What is on and off.
     *
     * @param addBos whether a beginning-of-sequence token goes before a text; empty for what tokenizer.json does
     * @param addEos whether an end-of-sequence token goes behind a text; empty for what tokenizer.json does
     * @param splits whether special tokens in a text are taken apart
     * @param cleans whether spaces before punctuation are taken out of texts, unless their model is BPE
     * @param cleansAll whether that holds for BPE, too
     * @param prefixes whether a space goes before a text; empty for what tokenizer.json does
     */
    record Flags(
            Optional<Boolean> addBos, Optional<Boolean> addEos, boolean splits, boolean cleans, boolean cleansAll,
            Optional<Boolean> prefixes) {
        private static final Flags NONE =
                new Flags(Optional.empty(), Optional.empty(), false, false, false, Optional.empty());

        private static Flags of(JsonFile json) {
            return new Flags(flag(json, ADDS_BOS), flag(json, ADDS_EOS), json.flag(SPLITS, false),
                    json.flag(CLEANS, false), json.flag(CLEANS_ALL, false), flag(json, PREFIXES));
        }

        private static Optional<Boolean> flag(JsonFile json, String field) {
            return json.has(field) ? Optional.of(json.flag(field, false)) : Optional.empty();
        }
    }

    /** Whether transformers takes spaces out of texts of such a model. */
    boolean cleans(String model) {
        return flags.cleans && (flags.cleansAll || !model.equals("BPE"));
    }

    /**
     * Reads the files of a checkpoint; without them nothing is known.
     *
     * @throws ModelException of one line naming file and field, if a value makes no sense
     */
    static TokenizerConfig read(Path folder) {
        Path file = folder.resolve(FILE);
        Optional<JsonFile> json = json(file);
        Path own = folder.resolve("chat_template.jinja");
        boolean hasOwn = Existing.file(own);
        Map<String, String> templates = json.map(TokenizerConfig::templates).orElse(Map.of());
        boolean differs = false;
        if (hasOwn) {
            String template = text(own);
            differs = !withoutNewline(templates.getOrDefault(DEFAULT, template)).equals(withoutNewline(template));
            templates = Map.of(DEFAULT, template);
        }
        return new TokenizerConfig(
                json.map(Flags::of).orElse(Flags.NONE), tokens(folder, json), added(folder, json), templates,
                hasOwn ? own : file, differs, unread(folder, json));
    }

    private static Map<Path, List<String>> unread(Path folder, Optional<JsonFile> config) {
        Map<Path, List<String>> unread = new LinkedHashMap<>();
        read(folder, config).forEach((name, json) -> unread.put(folder.resolve(name), json.fields().stream()
                .filter(field -> !SPECIAL.contains(field) && !FURTHER.contains(field) && !field.startsWith("_")
                        && !(name.equals(FILE) && (READ.contains(field) || HARMLESS.contains(field)))
                        && !NOTHING.contains(json.json(field)))
                .toList()));
        config.filter(json -> json.json(TEMPLATE).startsWith("[")).ifPresent(json -> json.objects(TEMPLATE).forEach(
                entry -> entry.fields().stream().filter(field -> !ENTRY.contains(field)).forEach(field -> unread
                        .merge(folder.resolve(FILE), List.of(TEMPLATE + " " + field),
                                (a, b) -> Stream.of(a, b).flatMap(List::stream).toList()))));
        unread.values().removeIf(List::isEmpty);
        return unread;
    }

    /** Jinja leaves out a newline at the end. */
    private static String withoutNewline(String template) {
        return template.endsWith("\n") ? template.substring(0, template.length() - 1) : template;
    }

    /**
     * Special tokens by name. Where tokenizer_config.json does not list the added tokens, special_tokens_map.json goes
     * before it, as in transformers, and is not read otherwise.
     */
    private static Map<String, String> tokens(Path folder, Optional<JsonFile> config) {
        Map<String, String> tokens = new LinkedHashMap<>();
        read(folder, config).values().forEach(json -> SPECIAL.stream().filter(json::has)
                .forEach(name -> tokens.put(name, token(json, name))));
        return tokens;
    }

    /** The files that name special tokens, by their names, the one that goes before the other last. */
    private static Map<String, JsonFile> read(Path folder, Optional<JsonFile> config) {
        Map<String, JsonFile> files = new LinkedHashMap<>();
        config.ifPresent(json -> files.put(FILE, json));
        Optional<JsonFile> map = json(folder.resolve(MAP));
        if (!lists(config)) {
            map.ifPresent(json -> files.put(MAP, json));
        }
        return files;
    }

    private static boolean lists(Optional<JsonFile> config) {
        return config.filter(json -> json.has(ADDED)).isPresent();
    }

    /**
     * The eos_token of tokenizer_config.json or special_tokens_map.json with its id: that of tokenizer.json or, where
     * it has no such token, of added_tokens_decoder or added_tokens.json; empty if none of them has the token.
     *
     * @param warnings takes a line where these files differ, or none of them has the token
     */
    static Optional<Added> eos(Path folder, Consumer<String> warnings) {
        Optional<JsonFile> config = json(folder.resolve(FILE));
        String eos = tokens(folder, config).getOrDefault("eos_token", "");
        Path file = folder.resolve("tokenizer.json");
        if (eos.isEmpty()) {
            return Optional.empty();
        }
        boolean hasFile = Existing.file(file);
        Optional<Integer> own = hasFile ? id(JsonFile.open(file), eos) : Optional.empty();
        Optional<Added> added =
                added(folder, config).stream().filter(t -> t.text().equals(eos) && t.id() >= 0).findFirst();
        if (own.isPresent() && added.isPresent() && added.get().id() != own.get()) {
            warnings.accept(Text.message("%s: eos_token %s has id %d, and not %d as %s says; as in transformers"
                    .formatted(Text.printable(file), Text.printable(eos), own.get(), added.get().id(),
                            added.get().file().getFileName())));
        }
        if (own.isEmpty() && added.isEmpty()) {
            warnings.accept(Text.message("%s: %s the eos_token %s of %s: no sequence ends with it"
                    .formatted(Text.printable(file), hasFile ? "is without" : "is not there to say the id of",
                            Text.printable(eos), String.join(" or ", read(folder, config).keySet()))));
        }
        return own.map(id -> new Added(eos, file, "", id)).or(() -> added);
    }

    /**
     * The id of a token in tokenizer.json: that of its vocabulary or, for added ones that are not there, the next one,
     * as Hugging Face's library counts, whatever id the file says.
     */
    private static Optional<Integer> id(JsonFile tokenizer, String text) {
        JsonFile model = tokenizer.object("model");
        boolean byName = model.isObject("vocab");
        JsonFile vocab = byName ? model.object("vocab") : model;
        List<String> pieces = byName || !model.has("vocab") ? List.of() : TokenizerFile.pieces(model.json("vocab"));
        ToIntFunction<String> known = token -> byName && vocab.has(token)
                ? vocab.integer(token, 0, Integer.MAX_VALUE)
                : pieces.indexOf(token);
        int id = known.applyAsInt(text);
        int next = byName ? vocab.fields().size() : pieces.size();
        for (JsonFile token : tokenizer.objects("added_tokens")) {
            String content = token.text("content", "");
            if (content.isEmpty()) {
                continue;
            }
            int own = known.applyAsInt(content);
            if (id < 0 && own < 0 && content.equals(text)) {
                id = next;
            }
            next = Math.max(next, (own < 0 ? next : own) + 1);
        }
        return id < 0 ? Optional.empty() : Optional.of(id);
    }

    /**
     * Tokens that transformers adds: those of added_tokens_decoder or, without it, of added_tokens.json, and the
     * special ones that any field names.
     */
    private static List<Added> added(Path folder, Optional<JsonFile> config) {
        Map<String, Added> added = new LinkedHashMap<>();
        Consumer<Added> add = token -> added.putIfAbsent(token.text(), token);
        Path decoder = folder.resolve(FILE);
        config.map(json -> json.members(ADDED)).orElse(List.of()).stream()
                .filter(token -> token.name().matches("\\d{1,9}"))
                .map(token -> new Added(token.text("content", ""), decoder, ADDED, Integer.parseInt(token.name()),
                        TokenizerFile.SETTINGS.stream().filter(token::has)
                                .collect(Collectors.toUnmodifiableMap(name -> name, name -> token.flag(name, false)))))
                .forEach(add);
        if (!lists(config)) {
            Path file = folder.resolve(ADDED_FILE);
            json(file).ifPresent(json -> json.fields().forEach(
                    text -> add.accept(new Added(text, file, "", json.integer(text, 0, Integer.MAX_VALUE)))));
        }
        read(folder, config).forEach((name, json) -> {
            Path file = folder.resolve(name);
            SPECIAL.stream().filter(json::has)
                    .forEach(field -> add.accept(new Added(token(json, field), file, field, -1)));
            FURTHER.forEach(field -> further(json, field)
                    .forEach(text -> add.accept(new Added(text, file, field, -1))));
        });
        return List.copyOf(added.values());
    }

    /** Tokens of a list, or by name in an object; each a text, or an object with one. */
    private static List<String> further(JsonFile json, String field) {
        if (json.isObject(field)) {
            JsonFile byName = json.object(field);
            return byName.fields().stream().map(name -> token(byName, name)).toList();
        }
        String value = json.json(field);
        return value.startsWith("[{")
                ? json.objects(field).stream().map(token -> token.text("content", "")).toList()
                : value.startsWith("[") ? json.texts(field) : List.of();
    }

    private static Optional<JsonFile> json(Path file) {
        return Existing.file(file) ? Optional.of(JsonFile.open(file)) : Optional.empty();
    }

    /** A token's text, which may be in an object. */
    private static String token(JsonFile json, String field) {
        return json.isObject(field) ? json.object(field).text("content", "") : json.text(field, "");
    }

    private static Map<String, String> templates(JsonFile json) {
        if (!json.has(TEMPLATE)) {
            return Map.of();
        }
        Map<String, String> templates = new LinkedHashMap<>();
        if (json.isObject(TEMPLATE)) {
            JsonFile byName = json.object(TEMPLATE);
            for (String name : byName.fields()) {
                if (byName.isNull(name)) {
                    throw byName.fail(name, "is null");
                }
                templates.put(name, byName.text(name, ""));
            }
            return templates;
        }
        if (!json.json(TEMPLATE).startsWith("[")) {
            return Map.of(DEFAULT, json.text(TEMPLATE, ""));
        }
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

    /**
     * The template to use, if there is one; several without a default are refused when it is used.
     *
     * @param warnings takes a line where two files have one
     */
    Optional<ChatTemplate> template(Consumer<String> warnings) {
        if (templates.isEmpty()) {
            return Optional.empty();
        }
        String source = templates.get(DEFAULT);
        if (source == null) {
            throw new ModelException("%s: none of the chat templates is called default; there are %s"
                    .formatted(Text.printable(templateFile), Text.printable(String.join(", ", templates.keySet()))));
        }
        if (otherTemplate) {
            warnings.accept(Text.message("%s: is used, and not the other chat_template of %s, as transformers does"
                    .formatted(Text.printable(templateFile), FILE)));
        }
        return Optional.of(new ChatTemplate(templateFile.toString(), source, tokens));
    }
}
