package io.maseparation.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.response.ChatModelStreamingEvent;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.PartialResponse;
import dev.langchain4j.model.chat.response.PartialResponseContext;
import dev.langchain4j.model.chat.response.StreamingHandle;
import io.maseparation.parallel.Engine;
import io.maseparation.parallel.Model;
import io.maseparation.parallel.engine.EngineLimits;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.run.ExecutionOptions;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.IntConsumer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class ChatCancelTest {
    private static final int MANY = 3000;
    private static final ChatRequest REQUEST = ChatRequest.builder().messages(UserMessage.from("w5 w6")).build();

    @TempDir
    static Path temp;
    private static Model model;

    @BeforeAll
    static void open() {
        model = Model.checkpoint(ChatModelsTest.checkpoint(temp));
    }

    @AfterAll
    static void close() {
        model.close();
    }

    /** An engine that tells of each token, on the thread that then samples no further one. */
    private static Engine start(EngineLimits limits, IntConsumer onToken) {
        return Engine.start(
                model, Layout.separated(2, 1).withMicroBatches(2), limits,
                ExecutionOptions.defaults().withOnToken(onToken));
    }

    /** Counts an engine's tokens, and holds it at one of them until there is what was to come: a request's end. */
    private static final class Held implements IntConsumer {
        /** Less than any request that is not cancelled has. */
        static final int FEW = 100;

        final AtomicInteger sampled = new AtomicInteger();
        final CountDownLatch come = new CountDownLatch(1);

        @Override
        public void accept(int sequence) {
            if (sampled.incrementAndGet() == 20) {
                try {
                    assertThat(come.await(20, TimeUnit.SECONDS)).isTrue();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            }
        }
    }

    private static ChatSettings tokens(int most) {
        return ChatSettings.defaults().with(ChatRequestParameters.builder().maxOutputTokens(most).build());
    }

    private static ChatRequest request(Consumer<ChatRequest.Builder> what) {
        ChatRequest.Builder builder = ChatRequest.builder().messages(UserMessage.from("w5 w6"));
        what.accept(builder);
        return builder.build();
    }

    @Test
    void afterItsHandleIsCancelledAHandlerHearsNothing() throws Exception {
        CompletableFuture<StreamingHandle> handle = new CompletableFuture<>();
        ChatModelsTest.Heard heard = new ChatModelsTest.Heard() {
            @Override
            public void onPartialResponse(PartialResponse part, PartialResponseContext context) {
                onPartialResponse(part.text());
                if (parts.size() == 5) {
                    context.streamingHandle().cancel();
                    handle.complete(context.streamingHandle());
                }
            }
        };
        Held held = new Held();
        try (Engine own = start(EngineLimits.of(1, 4096), held)) {
            EngineStreamingChatModel.of(own, tokens(MANY)).chat("w5 w6", heard);
            assertThat(handle.get().isCancelled()).isTrue();
            held.come.countDown();
            // There is room for one request at a time.
            assertThat(EngineChatModel.of(own, tokens(3)).chat("w5 w6")).isNotEmpty();
        }
        assertThat(held.sampled).hasValueLessThan(Held.FEW);
        assertThat(heard.parts).hasSize(5);
        assertThat(heard.errors).isEmpty();
        assertThat(heard.whole).isNotDone();
    }

    @Test
    void anInterruptEndsTheRequest() throws Exception {
        Held held = new Held();
        try (Engine own = start(EngineLimits.of(1, 4096), held)) {
            EngineChatModel chat = EngineChatModel.of(own, tokens(MANY));
            AtomicReference<Throwable> thrown = new AtomicReference<>();
            Thread asks = Thread.ofVirtual().start(() -> {
                try {
                    chat.chat("w5");
                } catch (CancellationException e) {
                    thrown.set(Thread.currentThread().isInterrupted() ? e : null);
                }
            });
            while (held.sampled.get() < 20) {
                Thread.sleep(1);
            }
            asks.interrupt();
            asks.join();
            assertThat(thrown.get()).isInstanceOf(CancellationException.class);
            held.come.countDown();
            // There is room for one request at a time.
            assertThat(chat.chat(request(r -> r.maxOutputTokens(2))).tokenUsage().outputTokenCount()).isEqualTo(2);
        }
        assertThat(held.sampled).hasValueLessThan(Held.FEW);
    }

    @Test
    void aCancelledFutureEndsTheRequest() throws Exception {
        Held held = new Held();
        try (Engine own = start(EngineLimits.of(1, 4096), held)) {
            EngineChatModel chat = EngineChatModel.of(own, tokens(MANY));
            CompletableFuture<ChatResponse> answer = chat.chatAsync(REQUEST);
            while (held.sampled.get() < 20) {
                Thread.sleep(1);
            }
            answer.cancel(false);
            held.come.countDown();
            assertThat(chat.chat(request(r -> r.maxOutputTokens(2))).tokenUsage().outputTokenCount()).isEqualTo(2);
        }
        assertThat(held.sampled).hasValueLessThan(Held.FEW);
    }

    @Test
    void aSubscriptionThatIsCancelledEndsItsRequest() throws Exception {
        Held held = new Held();
        List<ChatModelStreamingEvent> events = Collections.synchronizedList(new ArrayList<>());
        CompletableFuture<Flow.Subscription> subscription = new CompletableFuture<>();
        try (Engine own = start(EngineLimits.of(1, 4096), held)) {
            EngineStreamingChatModel.of(own, tokens(MANY)).chat(REQUEST).subscribe(new Flow.Subscriber<>() {
                @Override
                public void onSubscribe(Flow.Subscription s) {
                    subscription.complete(s);
                    s.request(Long.MAX_VALUE);
                }

                @Override
                public void onNext(ChatModelStreamingEvent event) {
                    events.add(event);
                    if (events.size() == 5) {
                        subscription.join().cancel();
                        held.come.countDown();
                    }
                }

                @Override
                public void onError(Throwable error) {
                    events.clear();
                }

                @Override
                public void onComplete() {
                    events.clear();
                }
            });
            assertThat(held.come.await(20, TimeUnit.SECONDS)).isTrue();
            assertThat(EngineChatModel.of(own, tokens(3)).chat("w5 w6")).isNotEmpty();
        }
        assertThat(events).hasSize(5);
        assertThat(held.sampled).hasValueLessThan(Held.FEW);
    }
}
