package io.maseparation.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.RateLimitException;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.response.ChatModelStreamingEvent;
import io.maseparation.parallel.Engine;
import io.maseparation.parallel.Model;
import io.maseparation.parallel.engine.Completion;
import io.maseparation.parallel.engine.EngineLimits;
import io.maseparation.parallel.engine.GenerationRequest;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.run.ExecutionOptions;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class ChatFailuresTest {
    private static final int MANY = 3000;
    private static final ChatRequest REQUEST = ChatRequest.builder().messages(UserMessage.from("w5 w6")).build();

    private static ChatSettings tokens(int most) {
        return ChatSettings.defaults().with(ChatRequestParameters.builder().maxOutputTokens(most).build());
    }

    @Test
    void aFullQueueIsALimitOfTheRate(@TempDir Path temp) throws Exception {
        try (Model model = Model.checkpoint(ChatModelsTest.checkpoint(temp));
                Engine own = Engine.start(
                        model, Layout.single(), EngineLimits.of(1, 4096).withQueue(1), ExecutionOptions.defaults())) {
            Completion runs = own.submit(GenerationRequest.ids(3).withMaxTokens(MANY));
            runs.tokens().iterator().next();
            Completion waits = own.submit(GenerationRequest.ids(3));
            CompletableFuture<Throwable> refused = new CompletableFuture<>();
            EngineStreamingChatModel.of(own).chat(REQUEST, new ChatModelsTest.Heard() {
                @Override
                public void onError(Throwable error) {
                    refused.complete(error);
                }
            });
            assertThat(refused.get()).isInstanceOf(RateLimitException.class);
            Thread.startVirtualThread(runs::cancel);
            assertThat(EngineChatModel.of(own, tokens(3)).chat("w5")).isNotEmpty();
            assertThat(waits.result().tokenIds()).hasSize(16);
        }
    }

    /** With room for one request, the next one is served only when that one has ended. */
    @Test
    void aSubscriberThatThrowsHearsNothingMoreAndItsRequestEnds(@TempDir Path temp) throws Exception {
        try (Model model = Model.checkpoint(ChatModelsTest.checkpoint(temp));
                Engine own = Engine.start(
                        model, Layout.single(), EngineLimits.of(1, 4096), ExecutionOptions.defaults())) {
            CompletableFuture<Void> called = new CompletableFuture<>();
            AtomicInteger after = new AtomicInteger();
            EngineStreamingChatModel.of(own, tokens(MANY)).chat(REQUEST).subscribe(new Flow.Subscriber<>() {
                @Override
                public void onSubscribe(Flow.Subscription s) {
                    s.request(Long.MAX_VALUE);
                }

                @Override
                public void onNext(ChatModelStreamingEvent event) {
                    if (!called.complete(null)) {
                        after.incrementAndGet();
                    }
                    throw new AssertionError("a subscriber's own");
                }

                @Override
                public void onError(Throwable error) {
                    after.incrementAndGet();
                }

                @Override
                public void onComplete() {
                    after.incrementAndGet();
                }
            });
            called.get();
            long start = System.nanoTime();
            assertThat(own.submit(GenerationRequest.ids(3).withMaxTokens(2)).result().tokenIds()).hasSize(2);
            Duration waited = Duration.ofNanos(System.nanoTime() - start);
            Completion whole = own.submit(GenerationRequest.ids(3).withMaxTokens(MANY));
            start = System.nanoTime();
            whole.result();
            // Not after all of its tokens.
            assertThat(waited).isLessThan(Duration.ofNanos((System.nanoTime() - start) / 2));
            assertThat(after).hasValue(0);
        }
    }
}
