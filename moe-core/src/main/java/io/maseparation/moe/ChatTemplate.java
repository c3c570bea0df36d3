package io.maseparation.moe;

import io.maseparation.files.Json;
import io.maseparation.files.ModelException;
import io.maseparation.files.Text;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.mozilla.javascript.Context;
import org.mozilla.javascript.ContextFactory;
import org.mozilla.javascript.Function;
import org.mozilla.javascript.RhinoException;
import org.mozilla.javascript.Script;
import org.mozilla.javascript.ScriptableObject;

/**
 * A checkpoint's chat template: turns a conversation into the text of a prompt. The template comes with the checkpoint
 * and is not trusted. Hugging Face's own Jinja for chat templates renders it, in an interpreter that has no way to
 * files, to the environment or to Java, within bounds of time, memory, depth and length. Safe for use by several
 * threads.
 */
public final class ChatTemplate {
    /** Characters of a template; those of a text, or elements of a list, that it makes. */
    private static final int LONGEST_TEMPLATE = 1 << 18;

    private static final int LONGEST_TEXT = 1 << 22;
    private static final int STACK = 4_000;
    private static final int INSTRUCTIONS_BETWEEN_CHECKS = 10_000;
    /** What the Jinja library's search for tags takes quadratic time for. */
    private static final Pattern LONG_BLANK = Pattern.compile("\\s{2000}");

    /** Parts of a date, by strftime's letters. */
    private static final Map<String, String> DATE_PARTS = Map.of(
            "Y", "yyyy", "m", "MM", "d", "dd", "b", "MMM", "B", "MMMM", "H", "HH", "M", "mm");

    private final String name;
    private final String source;
    private final Map<String, String> tokens;
    private final Supplier<LocalDateTime> clock;
    private final Duration longest;
    private @Nullable ScriptableObject scope;
    private @Nullable Object parsed;

    /**
     * One turn of a conversation.
     *
     * @param role who speaks: system, user or assistant, or what else the template knows
     * @param content what is said
     */
    public record Message(String role, String content) {
        /** Refuses what is missing. */
        public Message {
            Objects.requireNonNull(role, "role");
            Objects.requireNonNull(content, "content");
        }
    }

    /**
     * A template.
     *
     * @param name what complaints call it
     * @param source the template
     * @param tokens special tokens by the names that templates know them by, bos_token and such
     */
    public ChatTemplate(String name, String source, Map<String, String> tokens) {
        this(name, source, tokens, LocalDateTime::now, Duration.ofSeconds(10));
    }

    /** As {@link #ChatTemplate(String, String, Map)}, at a certain time and for that long at most. */
    ChatTemplate(
            String name, String source, Map<String, String> tokens, Supplier<LocalDateTime> clock, Duration longest) {
        this.name = name;
        this.source = source;
        this.tokens = Map.copyOf(tokens);
        this.clock = clock;
        this.longest = longest;
    }

    /**
     * {@return the text of a conversation, which says all special tokens that the prompt has}
     *
     * @param messages the turns
     * @param generationPrompt whether the text ends with what opens an answer
     * @param variables what else the template may use, by name: strings, numbers, booleans, lists and maps
     * @throws ModelException if the template is malformed, needs what its language does not have here, refuses the
     *     conversation, or takes too long or makes too much
     */
    public synchronized String render(
            List<Message> messages, boolean generationPrompt, Map<String, ?> variables) {
        Map<String, Object> items = new LinkedHashMap<>(tokens);
        // As transformers calls a template that gets neither.
        items.put("tools", null);
        items.put("documents", null);
        items.putAll(variables);
        items.put("messages", messages.stream().map(ChatTemplate::fields).toList());
        items.put("add_generation_prompt", generationPrompt);
        Map<String, Object> date = new LinkedHashMap<>(Map.of("%", "%"));
        LocalDateTime now = clock.get();
        DATE_PARTS.forEach((letter, pattern) -> date.put(
                letter, now.format(DateTimeFormatter.ofPattern(pattern, Locale.ENGLISH))));
        if (source.length() > LONGEST_TEMPLATE || LONG_BLANK.matcher(source).find()) {
            throw fail("it has more than %d characters, or 2000 of white space in a row".formatted(LONGEST_TEMPLATE),
                    null);
        }
        try (Context context = Sandbox.FACTORY.enterContext()) {
            if (scope == null || parsed == null) {
                scope = Library.scope(context);
                Sandbox.start(context, longest);
                parsed = call(context, scope, "parsed", source);
            }
            Sandbox.start(context, longest);
            return whole(
                    Context.toString(call(context, scope, "render", parsed, Json.write(items), Json.write(date))));
        } catch (RhinoException e) {
            throw fail(e.details().replaceFirst("^\\w*Error: ", ""), e);
        } catch (Sandbox.LimitError e) {
            throw fail("it takes more than %d ms".formatted(longest.toMillis()), e);
        } catch (StackOverflowError e) {
            throw fail("it is nested too deeply", e);
        }
    }

    /** In the order in which a template may write them. */
    private static Map<String, String> fields(Message message) {
        Map<String, String> fields = new LinkedHashMap<>();
        fields.put("role", message.role());
        fields.put("content", message.content());
        return fields;
    }

    /** A text that has no half of a character: the language counts those beyond U+FFFF as two. */
    private String whole(String text) {
        if (!Text.isWhole(text)) {
            throw fail("it takes a character apart that is beyond U+FFFF", null);
        }
        return text;
    }

    private static Object call(Context context, ScriptableObject scope, String function, Object... arguments) {
        return ((Function) scope.get(function, scope)).call(context, scope, scope, arguments);
    }

    private ModelException fail(String what, @Nullable Throwable cause) {
        String message = "%s: chat template: %s".formatted(Text.printable(name), Text.printable(what));
        return cause == null ? new ModelException(message) : new ModelException(message, cause);
    }

    /** The Jinja library, compiled once. */
    private static final class Library {
        private static final Script JINJA = script("jinja.js");
        private static final Script GLUE = script("chat-template.js");

        private static Script script(String file) {
            try (InputStream in = Objects.requireNonNull(ChatTemplate.class.getResourceAsStream(file), file);
                    Context context = Sandbox.FACTORY.enterContext()) {
                return context.compileString(new String(in.readAllBytes(), StandardCharsets.UTF_8), file, 1, null);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        private static ScriptableObject scope(Context context) {
            ScriptableObject scope = context.initSafeStandardObjects();
            scope.put("MOST", scope, LONGEST_TEXT);
            context.evaluateString(scope, "var module = {exports: {}};", "module", 1, null);
            JINJA.exec(context, scope, scope);
            GLUE.exec(context, scope, scope);
            return scope;
        }
    }

    /** An interpreter that sees no Java and stops by itself. */
    private static final class Sandbox extends ContextFactory {
        private static final Sandbox FACTORY = new Sandbox();
        private static final String DEADLINE = "deadline";

        /** Not an exception, which scripts could catch. */
        private static final class LimitError extends Error {
            private static final long serialVersionUID = 1;

            private LimitError() {
                super("a script has run out of time");
            }
        }

        private static void start(Context context, Duration longest) {
            context.putThreadLocal(DEADLINE, System.nanoTime() + longest.toNanos());
        }

        @Override
        protected Context makeContext() {
            Context context = super.makeContext();
            context.setInterpretedMode(true);
            context.setLanguageVersion(Context.VERSION_ES6);
            context.setMaximumInterpreterStackDepth(STACK);
            context.setInstructionObserverThreshold(INSTRUCTIONS_BETWEEN_CHECKS);
            context.setClassShutter(type -> false);
            return context;
        }

        @Override
        protected void observeInstructionCount(Context context, int instructions) {
            if (context.getThreadLocal(DEADLINE) instanceof Long deadline && System.nanoTime() > deadline) {
                throw new LimitError();
            }
        }
    }
}
