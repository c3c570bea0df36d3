package io.maseparation.moe;

import static io.maseparation.moe.Complaints.assertComplains;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.maseparation.moe.ChatTemplate.Message;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Templates of this project's own, made of what the templates of models are made of, give what npm's @huggingface/jinja
 * gives in Node; .ci/long does the same with the templates of real tokenizers.
 */
class ChatTemplateTest {
    private static final List<Message> HI = List.of(new Message("user", "Hi"));

    @TempDir
    Path temp;

    private static ChatTemplate template(String source) {
        return new ChatTemplate("m/tokenizer_config.json", source, Map.of("bos_token", "<s>", "eos_token", "</s>"),
                () -> LocalDateTime.of(2024, 7, 9, 5, 7), Duration.ofMinutes(1));
    }

    private static int check(JsonNode templates) {
        int checked = 0;
        for (JsonNode entry : templates) {
            ObjectMapper mapper = new ObjectMapper();
            ChatTemplate template = entry.has("tokens")
                    ? new ChatTemplate("t", entry.get("template").textValue(),
                            mapper.convertValue(entry.get("tokens"), mapper.getTypeFactory()
                                    .constructMapType(Map.class, String.class, String.class)))
                    : template(entry.get("template").textValue());
            for (JsonNode dialogue : entry.get("cases")) {
                List<Message> messages = new ArrayList<>();
                dialogue.get("messages").forEach(m -> messages.add(
                        new Message(m.get("role").textValue(), m.get("content").textValue())));
                boolean generation = dialogue.get("generation").booleanValue();
                if (dialogue.has("error")) {
                    assertComplains(() -> template.render(messages, generation, Map.of()),
                            dialogue.get("error").textValue());
                } else {
                    assertThat(template.render(messages, generation, Map.of()))
                            .as("%s %s", entry.get("name"), dialogue)
                            .isEqualTo(dialogue.get("text").textValue());
                }
                checked++;
            }
        }
        return checked;
    }

    @Test
    void rendersAsHuggingFacesJinjaDoesInNode() throws IOException {
        try (InputStream in = getClass().getResourceAsStream("/chat/templates.json")) {
            assertThat(check(new ObjectMapper().readTree(in))).isEqualTo(60);
        }
    }

    /** The file is made by .ci/text.js. */
    @Test
    void rendersTheTemplatesOfRealTokenizersAsNode() throws IOException {
        String file = System.getProperty("ma.chatTemplates", "");
        assumeTrue(!file.isEmpty(), "no -Dma.chatTemplates=FILE");
        assertThat(check(new ObjectMapper().readTree(Path.of(file).toFile()))).isGreaterThanOrEqualTo(80);
    }

    @Test
    void valuesOfMessagesAreNeverTemplates() {
        assertThat(template("{% for m in messages %}{{ m.content }}{% endfor %}")
                .render(List.of(new Message("user", "{{ 1 }}{% x %}{# y #}"), new Message("user", "__proto__")),
                        false, Map.of()))
                .isEqualTo("{{ 1 }}{% x %}{# y #}__proto__");
    }

    /** In no other order than a model saw in its training. */
    @Test
    void aMessageHasItsRoleFirst() {
        String expected = "{\"role\": \"user\", \"content\": \"Hi\"}";
        assertThat(template("{{ messages[0] | tojson }}{% for k in messages[0] %} {{ k }}{% endfor %}")
                .render(HI, true, Map.of())).isEqualTo(expected + " role content");
    }

    @Test
    void halfOfACharacterIsRefused() {
        List<Message> said = List.of(new Message("user", "a\uD83D\uDE00b"));
        assertThat(template("{{ messages[0].content[:2] }}").render(said, true, Map.of())).isEqualTo("a\uD83D\uDE00");
        for (String source : List.of("{{ messages[0].content[1] }}", "{{ messages[0].content[2] }} b")) {
            assertComplains(() -> template(source).render(said, true, Map.of()), "chat template: it takes a character");
        }
    }

    @Test
    void variablesOfAnyKindReachTheTemplate() {
        assertThat(template("{{ deep.a[1] }}{{ flag }}{{ tools is none }}{{ enable_thinking is defined }}").render(HI,
                true, Map.of("deep", Map.of("a", List.of(1, 2.5)), "flag", false)))
                .isEqualTo("2.5falsetruefalse");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '~', quoteCharacter = '`', value = {
        "{{ messages | sort_of }}                        ~ sort_of",
        "{{ messages[0].content.frobnicate() }}          ~ not a function",
        "{{ messages is frobnicated }}                   ~ frobnicated",
        "{% include 'x' %}                               ~ include",
        "{% import '/etc/passwd' as p %}                 ~ import",
        "{% extends 'x' %}                               ~ extends",
        "{% frobnicate %}                                ~ frobnicate",
        "{{ frobnicate() }}                              ~ not a function",
        "{{ strftime_now('%Y %p') }}                     ~ strftime_now: %p is not supported",
        "{{ 'a' * 3 }}                                   ~ *",
        "{{ 'a' - 1 }}                                   ~ -",
        "{{ raise_exception('no ' + 'way') }}            ~ m/tokenizer_config.json: chat template: no way",
        "{% if true %}                                   ~ chat template",
        "{{ 1 +                                          ~ chat template",
        "{{ 'x }}                                        ~ chat template",
    })
    void whatTheLanguageLacksIsRefusedByName(String source, String name) {
        assertComplains(() -> template(source).render(HI, true, Map.of()), name);
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "{{ java.lang.System.exit(1) }}", "{{ Packages.java.io.File('/') }}", "{{ messages.getClass() }}",
        "{{ ''.constructor('return 1')() }}", "{{ messages.constructor.constructor('return 1')() }}",
        "{{ require('fs') }}", "{{ process.env() }}", "{{ module.exports() }}", "{{ load('/etc/passwd') }}",
        "{{ messages.__proto__.x() }}", "{{ cycler.__init__.__globals__.os.environ() }}"})
    void nothingOutsideCanBeReached(String source) {
        assertComplains(() -> template(source).render(HI, true, Map.of()), "chat template: ");
    }

    @Test
    void whatTakesTooLongIsStopped() {
        String loops = "{% for i in range(3000) %}{% for j in range(3000) %}{% endfor %}{% endfor %}";
        assertComplains(() -> new ChatTemplate("t", loops, Map.of(), LocalDateTime::now, Duration.ofMillis(300))
                .render(HI, true, Map.of()), "chat template: it takes more than 300 ms");
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "{% set ns = namespace(x='abcd') %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}{{ ns.x }}",
        "{% set ns = namespace(x=[1,2]) %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
        "{{ range(100000000) | length }}",
        "{{ 'a\nb' | indent(1000000000) }}",
        "{{ {'a': 1} | tojson(indent=1000000000) }}",
        "{% set b = range(3000) | join('0123456789012345678901234567890123456789') %}{{ b | replace('0', b) }}",
        "{% set b = range(3000) | join('0123456789012345678901234567890123456789') %}{{ range(9000) | join(b) }}",
        "{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}",
    })
    void whatGrowsWithoutEndIsStopped(String source) {
        assertComplains(() -> template(source).render(HI, true, Map.of()), "chat template: ");
    }

    @ParameterizedTest
    @ValueSource(strings = {"(", "[", "-", "not ", "{% if a %}", "{{ a if ", "{'a': "})
    void deepNestingIsRefused(String open) {
        String source = (open.startsWith("{%") ? "" : "{{ ") + open.repeat(1_500);
        assertComplains(() -> template(source).render(HI, true, Map.of()), "chat template: ");
    }

    @Test
    void longTemplatesAreRefused() {
        assertComplains(() -> template("x".repeat(300_000)).render(HI, true, Map.of()), "262144 characters");
        assertComplains(() -> template(" ".repeat(200_000)).render(HI, true, Map.of()), "white space");
    }

    @Test
    void aTemplateThatFailedDoesNotSpoilTheNextOne() {
        ChatTemplate template =
                template("{% for i in messages %}{{ raise_exception('no') if i.content == '' }}{% endfor %}y");
        for (int i = 0; i < 3; i++) {
            assertComplains(() -> template.render(List.of(new Message("user", "")), true, Map.of()), "no");
            assertThat(template.render(HI, true, Map.of())).isEqualTo("y");
        }
    }

    private TokenizerConfig config(String json) throws IOException {
        Files.writeString(temp.resolve("tokenizer_config.json"), json);
        return TokenizerConfig.read(temp);
    }

    @Test
    void theTemplateIsFoundWhereverItIs() throws IOException {
        assertThat(TokenizerConfig.read(temp).template(_ -> {})).isEmpty();
        assertThat(config("{\"chat_template\": null}").template(_ -> {})).isEmpty();
        String tokens = "\"bos_token\": {\"content\": \"<b>\"}, \"eos_token\": \"<e>\", \"add_bos_token\": true";
        assertThat(config("{%s, \"chat_template\": \"{{ bos_token }}one\"}".formatted(tokens)).template(_ -> {})
                .orElseThrow()
                .render(HI, true, Map.of())).isEqualTo("<b>one");
        assertThat(config("""
                {"chat_template": [{"name": "tool_use", "template": "t"}, {"name": "default", "template": "d"}]}""")
                .template(_ -> {}).orElseThrow().render(HI, true, Map.of())).isEqualTo("d");
        assertThat(config("{\"chat_template\": {\"tool_use\": \"t\", \"default\": \"d\"}}")
                .template(_ -> {}).orElseThrow().render(HI, true, Map.of())).isEqualTo("d");
        TokenizerConfig none = config("{\"chat_template\": [{\"name\": \"rag\", \"template\": \"t\"}]}");
        assertComplains(() -> none.template(_ -> {}),
                "tokenizer_config.json: none of the chat templates is called default", "rag");
        Files.writeString(temp.resolve("chat_template.jinja"), "file {{ messages[0].content }}\n");
        assertThat(config("{\"chat_template\": \"c\"}").template(_ -> {}).orElseThrow().render(HI, true, Map.of()))
                .isEqualTo("file Hi");
    }

    @Test
    void aTemplateThatIsNoTextIsRefused() throws IOException {
        Files.write(temp.resolve("chat_template.jinja"), new byte[] {(byte) 0xff, 1});
        assertComplains(() -> TokenizerConfig.read(temp),
                "chat_template.jinja: cannot be read: it is not text in UTF-8");
        assertComplains(() -> template("{% frobnicate %}").render(HI, true, Map.of()),
                "chat template: Unknown statement type: frobnicate");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "[]                                               | not a JSON object",
        "{'add_bos_token': 1}                             | add_bos_token is neither true nor false",
        "{'add_eos_token': 'yes'}                         | add_eos_token is neither",
        "{'bos_token': 3}                                 | bos_token is not a string",
        "{'eos_token': {'content': []}}                   | eos_token: content is not a string",
        "{'chat_template': 3}                             | chat_template is not a string",
        "{'chat_template': ['a']}                         | chat_template[0] is not an object",
        "{'chat_template': [{'template': 'a'}]}           | name is missing",
        "{'chat_template': [{'name': 'a'}]}               | template is missing",
        "{'chat_template': {'default': 1}}                | chat_template: default is not a string",
        "{'chat_template': {'default': null}}             | chat_template: default is null",
        "{'chat_template': 'a', 'chat_template': 'b'}     | Duplicate field",
    })
    void aTokenizerConfigThatMakesNoSenseIsRefused(String json, String complaint) {
        assertComplains(() -> config(json.replace('\'', '"')), "tokenizer_config.json: ", complaint);
    }
}
