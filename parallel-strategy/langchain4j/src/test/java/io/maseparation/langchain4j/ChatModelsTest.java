package io.maseparation.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.ImageContent;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.model.chat.listener.ChatModelErrorContext;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.listener.ChatModelRequestContext;
import dev.langchain4j.model.chat.listener.ChatModelResponseContext;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ToolChoice;
import dev.langchain4j.model.chat.response.ChatModelStreamingEvent;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.CompleteResponse;
import dev.langchain4j.model.chat.response.PartialResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.output.FinishReason;
import io.maseparation.moe.ChatTemplate;
import io.maseparation.moe.Sampler;
import io.maseparation.moe.testing.SafetensorsWriter;
import io.maseparation.moe.testing.TestCheckpoint;
import io.maseparation.parallel.Engine;
import io.maseparation.parallel.Model;
import io.maseparation.parallel.engine.EngineLimits;
import io.maseparation.parallel.engine.GenerationRequest;
import io.maseparation.parallel.engine.GenerationResult;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.run.ExecutionOptions;
import io.maseparation.parallel.run.RunFailedException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@Timeout(60)
class ChatModelsTest {
    private static final int MANY = 3000;
    private static final UserMessage USER = UserMessage.from("w5 w6");
    private static final ChatRequest REQUEST = ChatRequest.builder().messages(USER).build();

    @TempDir
    static Path temp;
    private static Model model;
    private static Engine engine;

    @BeforeAll
    static void start() {
        model = Model.checkpoint(checkpoint(temp));
        engine = start(EngineLimits.of(4, 4096));
    }

    /** Every word is a token; a conversation is its roles and contents in turn. */
    static Path checkpoint(Path parent) {
        Path folder = TestCheckpoint.of("mixtral", "{\"eos_token_id\": null, \"max_position_embeddings\": 4096}", 8)
                .write(parent);
        List<String> words = Stream.concat(
                Stream.of("system", "user", "assistant"), IntStream.range(3, 40).mapToObj(i -> "w" + i)).toList();
        SafetensorsWriter.text(folder.resolve("tokenizer.json"), """
                {"version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
                 "pre_tokenizer": {"type": "WhitespaceSplit"}, "post_processor": null, "decoder": null,
                 "model": {"type": "WordLevel", "vocab": {%s}, "unk_token": "w39"}}"""
                .formatted(words.stream().map(word -> "\"%s\": %d".formatted(word, words.indexOf(word)))
                        .collect(Collectors.joining(", "))));
        SafetensorsWriter.text(folder.resolve("tokenizer_config.json"), """
                {"chat_template": "{% for m in messages %}{{ m.role }} {{ m.content }} {% endfor %}assistant"}""");
        return folder;
    }

    private static Engine start(EngineLimits limits) {
        return Engine.start(model, Layout.separated(2, 1).withMicroBatches(2), limits, ExecutionOptions.defaults());
    }

    @AfterAll
    static void close() {
        engine.close();
        model.close();
    }

    private static GenerationResult direct(UnaryOperator<GenerationRequest> how, ChatTemplate.Message... messages)
            throws InterruptedException {
        return engine.submit(how.apply(GenerationRequest.chat(List.of(messages)))).result();
    }

    private static ChatTemplate.Message turn(String role, String content) {
        return new ChatTemplate.Message(role, content);
    }

    private static ChatSettings tokens(int most) {
        return ChatSettings.defaults().with(ChatRequestParameters.builder().maxOutputTokens(most).build());
    }

    private static ChatRequest request(Consumer<ChatRequest.Builder> what) {
        ChatRequest.Builder builder = ChatRequest.builder().messages(USER);
        what.accept(builder);
        return builder.build();
    }

    @Test
    void anAnswerIsTheEnginesOwn() throws Exception {
        GenerationResult expected = direct(r -> r.withMaxTokens(9), turn("system", "w3"), turn("user", "w4\nw5"),
                turn("assistant", "w6"), turn("user", "w7 w8"));
        ChatResponse answer = EngineChatModel.of(engine, tokens(9)).chat(
                SystemMessage.from("w3"), UserMessage.from(TextContent.from("w4"), TextContent.from("w5")),
                AiMessage.from("w6"), UserMessage.from("w7 w8"));
        assertThat(answer.aiMessage().text()).isEqualTo(expected.text().orElseThrow()).isNotEmpty();
        assertThat(answer.tokenUsage().inputTokenCount()).isEqualTo(expected.promptIds().size()).isEqualTo(11);
        assertThat(answer.tokenUsage().outputTokenCount()).isEqualTo(9);
        assertThat(answer.finishReason()).isEqualTo(FinishReason.LENGTH);
        assertThat(answer.modelName()).isEqualTo(model.config().name());
    }

    @Test
    void parametersReachTheEngine() throws Exception {
        Sampler sampler = new Sampler(0.9, 7, 0.95, 0.01, 1.2, 42);
        ChatSettings settings = tokens(20).withSampler(sampler);
        ChatTemplate.Message turn = turn("user", "w5 w6");
        String bySettings = direct(r -> r.withMaxTokens(20).withSampler(sampler), turn).text().orElseThrow();
        assertThat(EngineChatModel.of(engine, settings).chat("w5 w6")).isEqualTo(bySettings);

        Sampler own = new Sampler(2, 30, 0.8, 0.01, 1.2, 42);
        String byRequest = direct(r -> r.withMaxTokens(12).withSampler(own), turn).text().orElseThrow();
        ChatResponse answer = EngineChatModel.of(engine, settings).chat(request(r -> r.temperature(2.0).topK(30)
                .topP(0.8).maxOutputTokens(12).frequencyPenalty(0.0).presencePenalty(0.0)
                .responseFormat(ResponseFormat.TEXT).modelName(model.config().name())));
        assertThat(answer.aiMessage().text()).isEqualTo(byRequest).isNotEqualTo(bySettings);

        String stop = bySettings.split(" ", -1)[5];
        ChatResponse stopped = EngineChatModel.of(engine, settings).chat(request(r -> r.stopSequences(List.of(stop))));
        assertThat(stopped.finishReason()).isEqualTo(FinishReason.STOP);
        assertThat(stopped.aiMessage().text()).isEqualTo(bySettings.substring(0, bySettings.indexOf(stop)));
    }

    private static Stream<List<Object>> refused() {
        ToolSpecification tool = ToolSpecification.builder().name("t").build();
        ToolExecutionRequest call = ToolExecutionRequest.builder().id("1").name("t").arguments("{}").build();
        return Stream.of(
                List.of("toolSpecifications", request(r -> r.toolSpecifications(tool))),
                List.of("toolChoice", request(r -> r.toolChoice(ToolChoice.AUTO))),
                List.of("responseFormat", request(r -> r.responseFormat(ResponseFormat.JSON))),
                List.of("frequencyPenalty", request(r -> r.frequencyPenalty(0.5))),
                List.of("presencePenalty", request(r -> r.presencePenalty(-0.5))),
                List.of("image", conversation(UserMessage.from(ImageContent.from("http://localhost/a.png")))),
                List.of("name of a user message", conversation(UserMessage.from("Ann", "w3"))),
                List.of("toolExecutionRequests", conversation(USER, AiMessage.from(call))),
                List.of("TOOL_EXECUTION_RESULT", conversation(USER, ToolExecutionResultMessage.from(call, "w4"))));
    }

    private static ChatRequest conversation(ChatMessage... messages) {
        return ChatRequest.builder().messages(messages).build();
    }

    @ParameterizedTest
    @MethodSource("refused")
    void whatAnEngineDoesNotDoIsRefusedByName(List<Object> nameAndRequest) {
        ChatRequest request = (ChatRequest) nameAndRequest.get(1);
        String name = (String) nameAndRequest.get(0);
        assertThatThrownBy(() -> EngineChatModel.of(engine).chat(request))
                .isInstanceOf(UnsupportedFeatureException.class).hasMessageContaining(name);
        assertThatThrownBy(() -> EngineStreamingChatModel.of(engine).chat(request, new Heard()))
                .isInstanceOf(UnsupportedFeatureException.class).hasMessageContaining(name);
        assertThat(EngineChatModel.of(engine).chatAsync(request)).completesExceptionallyWithin(1, TimeUnit.SECONDS)
                .withThrowableOfType(ExecutionException.class)
                .withCauseInstanceOf(UnsupportedFeatureException.class);
    }

    @Test
    void whatCanNotBeRunIsInvalidAndAnotherModelIsNotFound() {
        EngineChatModel chat = EngineChatModel.of(engine);
        assertThatThrownBy(() -> chat.chat(request(r -> r.maxOutputTokens(5000))))
                .isInstanceOf(InvalidRequestException.class).hasMessageContaining("'max_tokens'");
        assertThatThrownBy(() -> chat.chat(request(r -> r.temperature(-1.0))))
                .isInstanceOf(InvalidRequestException.class).hasMessageContaining("'temperature'");
        assertThatThrownBy(() -> chat.chat(request(r -> r.modelName("another"))))
                .isInstanceOf(ModelNotFoundException.class).hasMessageContaining(model.config().name());
    }

    /** What a handler is told. */
    static class Heard implements StreamingChatResponseHandler {
        final List<String> parts = Collections.synchronizedList(new ArrayList<>());
        final List<Throwable> errors = Collections.synchronizedList(new ArrayList<>());
        final CompletableFuture<ChatResponse> whole = new CompletableFuture<>();

        @Override
        public void onPartialResponse(String text) {
            parts.add(text);
        }

        @Override
        public void onCompleteResponse(ChatResponse response) {
            whole.complete(response);
        }

        @Override
        public void onError(Throwable error) {
            errors.add(error);
        }
    }

    @Test
    void thePartsOfAStreamAreTheWhole() throws Exception {
        Heard heard = new Heard();
        EngineStreamingChatModel.of(engine, tokens(15)).chat("w5 w6", heard);
        ChatResponse whole = heard.whole.get();
        assertThat(heard.parts).hasSizeGreaterThan(10);
        assertThat(String.join("", heard.parts)).isEqualTo(whole.aiMessage().text());
        assertThat(whole.aiMessage().text()).isEqualTo(EngineChatModel.of(engine, tokens(15)).chat("w5 w6"));
        assertThat(whole.tokenUsage().totalTokenCount()).isEqualTo(4 + 15);
        assertThat(heard.errors).isEmpty();
    }

    @Test
    void whatAHandlerThrowsIsItsErrorAndTheAnswerGoesOn() throws Exception {
        Heard heard = new Heard() {
            @Override
            public void onPartialResponse(String text) {
                super.onPartialResponse(text);
                if (parts.size() == 2) {
                    throw new IllegalStateException("planted");
                }
            }

            @Override
            public void onError(Throwable error) {
                super.onError(error);
                throw new IllegalStateException("planted, too");
            }
        };
        EngineStreamingChatModel.of(engine, tokens(15)).chat("w5 w6", heard);
        assertThat(heard.whole.get().aiMessage().text()).isEqualTo(String.join("", heard.parts)).hasSizeGreaterThan(30);
        assertThat(heard.errors).singleElement().satisfies(e -> assertThat(e).hasMessage("planted"));
    }

    @Test
    void aListenerThatTakesItsTimeHoldsUpNobodyAndAnAnswerMayBeFollowedByAQuestion() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        ChatModelListener slow = new ChatModelListener() {
            @Override
            public void onResponse(ChatModelResponseContext context) {
                try {
                    go.await();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            }
        };
        try (Engine own = start(EngineLimits.of(2, 4096))) {
            EngineChatModel chat = EngineChatModel.of(own, tokens(3));
            // Long enough that it is not there yet when LangChain4j asks to be told: it would tell this thread, then.
            CompletableFuture<ChatResponse> first =
                    EngineChatModel.of(own, tokens(300).withListeners(slow)).chatAsync(REQUEST);
            CompletableFuture<String> second = chat.chatAsync(REQUEST).thenApply(answer -> chat.chat("w7"));
            assertThat(second.get(20, TimeUnit.SECONDS)).isNotEmpty();
            assertThat(first).isNotDone();
            go.countDown();
            assertThat(first.get(20, TimeUnit.SECONDS).tokenUsage().outputTokenCount()).isEqualTo(300);
        } finally {
            go.countDown();
        }
    }

    @Test
    void aSubscriberGetsAsManyEventsAsItAsksFor() throws Exception {
        List<ChatModelStreamingEvent> events = Collections.synchronizedList(new ArrayList<>());
        CompletableFuture<Flow.Subscription> subscription = new CompletableFuture<>();
        CompletableFuture<Void> end = new CompletableFuture<>();
        EngineStreamingChatModel chat = EngineStreamingChatModel.of(engine, tokens(6));
        chat.chat(REQUEST).subscribe(new Flow.Subscriber<>() {
            @Override
            public void onSubscribe(Flow.Subscription s) {
                subscription.complete(s);
            }

            @Override
            public void onNext(ChatModelStreamingEvent event) {
                events.add(event);
            }

            @Override
            public void onError(Throwable error) {
                end.completeExceptionally(error);
            }

            @Override
            public void onComplete() {
                end.complete(null);
            }
        });
        subscription.get().request(2);
        while (events.size() < 2) {
            Thread.sleep(1);
        }
        Thread.sleep(50);
        assertThat(events).hasSize(2);
        assertThat(end).isNotDone();
        subscription.get().request(100);
        end.get();
        assertThat(events.getLast()).isInstanceOfSatisfying(CompleteResponse.class, e -> assertThat(events.stream()
                .limit(events.size() - 1)
                .map(part -> ((PartialResponse) part).text())
                .collect(Collectors.joining())).isEqualTo(e.chatResponse().aiMessage().text()));
    }

    @Test
    void aSubscriberThatAsksForNothingOrForWhatIsRefusedIsToldSo() {
        assertThat(failure(REQUEST, 0)).isInstanceOf(IllegalArgumentException.class);
        assertThat(failure(request(r -> r.toolChoice(ToolChoice.AUTO)), 1))
                .isInstanceOf(UnsupportedFeatureException.class);
    }

    private static Throwable failure(ChatRequest request, long events) {
        CompletableFuture<Throwable> failure = new CompletableFuture<>();
        EngineStreamingChatModel.of(engine, tokens(6)).chat(request).subscribe(new Flow.Subscriber<>() {
            @Override
            public void onSubscribe(Flow.Subscription s) {
                s.request(events);
            }

            @Override
            public void onNext(ChatModelStreamingEvent event) {}

            @Override
            public void onError(Throwable error) {
                failure.complete(error);
            }

            @Override
            public void onComplete() {
                failure.complete(null);
            }
        });
        return failure.join();
    }

    @Test
    void anEngineThatIsClosedFailsWhatIsUnderWayAndWhatComes() throws Exception {
        Engine own = start(EngineLimits.of(1, 4096));
        CompletableFuture<Throwable> failure = new CompletableFuture<>();
        CompletableFuture<String> first = new CompletableFuture<>();
        EngineStreamingChatModel.of(own, tokens(MANY)).chat(REQUEST, new Heard() {
            @Override
            public void onPartialResponse(String text) {
                first.complete(text);
            }

            @Override
            public void onError(Throwable error) {
                failure.complete(error);
            }
        });
        first.get();
        own.close();
        assertThat(failure.get()).isInstanceOf(RunFailedException.class).hasMessage("the engine is closed");
        assertThatThrownBy(() -> EngineChatModel.of(own).chat("w5"))
                .isInstanceOf(RunFailedException.class)
                .hasMessage("the engine is closed");
    }

    @Test
    void listenersAreTold() {
        List<String> told = new ArrayList<>();
        ChatModelListener listener = new ChatModelListener() {
            @Override
            public void onRequest(ChatModelRequestContext context) {
                told.add("request of " + context.chatRequest().maxOutputTokens());
            }

            @Override
            public void onResponse(ChatModelResponseContext context) {
                told.add("response of " + context.chatResponse().tokenUsage().outputTokenCount());
            }

            @Override
            public void onError(ChatModelErrorContext context) {
                told.add("error " + context.error().getClass().getSimpleName());
            }
        };
        EngineChatModel chat = EngineChatModel.of(engine, tokens(4).withListeners(listener));
        chat.chat("w5");
        assertThatThrownBy(() -> chat.chat(request(r -> r.temperature(-1.0))))
                .isInstanceOf(InvalidRequestException.class);
        assertThat(told)
                .containsExactly("request of 4", "response of 4", "request of 4", "error InvalidRequestException");
    }
}
