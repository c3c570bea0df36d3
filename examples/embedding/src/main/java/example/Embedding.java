package example;

import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import io.maseparation.langchain4j.ChatSettings;
import io.maseparation.langchain4j.EngineChatModel;
import io.maseparation.langchain4j.EngineStreamingChatModel;
import io.maseparation.parallel.Engine;
import io.maseparation.parallel.Model;
import io.maseparation.parallel.engine.Completion;
import io.maseparation.parallel.engine.EngineLimits;
import io.maseparation.parallel.engine.GeneratedToken;
import io.maseparation.parallel.engine.GenerationRequest;
import io.maseparation.parallel.engine.GenerationResult;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.run.ExecutionOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** Two engines with different strategies in one JVM: streaming, cancelling, chatting through LangChain4j, closing. */
public final class Embedding {
    private Embedding() {}

    /**
     * Runs all of it.
     *
     * @param arguments folder of a checkpoint with a tokenizer and a chat template; without it a small one is written
     */
    public static void main(String[] arguments) throws Exception {
        Path folder = arguments.length > 0 ? Path.of(arguments[0]) : smallCheckpoint();
        ExecutionOptions options = ExecutionOptions.defaults();
        // All that an engine takes it allocates by these: requests at once, positions of each KV cache.
        EngineLimits limits = EngineLimits.of(4, 1024);
        Model model = Model.checkpoint(folder);
        try (model;
                Engine single = Engine.start(model, Layout.single(), limits, options);
                Engine separated = Engine.start(model, Layout.separated(2, 1).withMicroBatches(2), limits, options)) {
            stream(single, separated);
            cancel(separated);
            ChatSettings settings = ChatSettings.defaults()
                    .with(ChatRequestParameters.builder().maxOutputTokens(12).build());
            chat(EngineChatModel.of(separated, settings));
            chat(EngineStreamingChatModel.of(single, settings));
        }
        // Its weights are freed, and it says so.
        try {
            Engine.start(model, Layout.single(), limits, options);
            require(false, "a closed model starts nothing");
        } catch (IllegalStateException e) {
            require(e.getMessage().equals("the model is closed"), e.getMessage());
            System.out.println("closed: " + e.getMessage());
        }
    }

    /** Both engines at once: the layout does not change the answer. */
    private static void stream(Engine single, Engine separated) throws InterruptedException {
        GenerationRequest request = GenerationRequest.text("w10 w20 w30").withMaxTokens(24).ignoringEos();
        Completion here = single.submit(request);
        Completion there = separated.submit(request);
        System.out.print("streamed:");
        for (GeneratedToken token : there.tokens()) { // each as it comes; onToken() and publisher() do the same
            System.out.print(token.text());
        }
        System.out.println();
        require(here.result().tokenIds().equals(there.result().tokenIds()), "both engines give the same tokens");
    }

    /** By any thread: the request ends by the next step, keeps its tokens, and frees its place. */
    private static void cancel(Engine engine) throws InterruptedException {
        Completion completion = engine.submit(GenerationRequest.text("w5").withMaxTokens(900).ignoringEos());
        for (GeneratedToken token : completion.tokens()) {
            if (token.index() == 4) {
                completion.cancel();
            }
        }
        GenerationResult result = completion.result();
        System.out.printf("cancelled: %s after %d tokens%n", result.finish(), result.tokenIds().size());
        require(result.tokenIds().size() < 900, "a cancelled request ends early");
    }

    private static void chat(ChatModel model) {
        ChatResponse answer = model.chat(SystemMessage.from("w40 w41"), UserMessage.from("w42 w43"));
        System.out.printf("chat: %s (%s, %s)%n", answer.aiMessage().text(), answer.finishReason(), answer.tokenUsage());
        require(!answer.aiMessage().text().isEmpty(), "an answer has text");
    }

    private static void chat(StreamingChatModel model) throws Exception {
        CompletableFuture<ChatResponse> whole = new CompletableFuture<>();
        StringBuilder parts = new StringBuilder();
        model.chat(List.of(UserMessage.from("w42 w43")), new StreamingChatResponseHandler() {
            @Override
            public void onPartialResponse(String text) {
                parts.append(text);
            }

            @Override
            public void onCompleteResponse(ChatResponse response) {
                whole.complete(response);
            }

            @Override
            public void onError(Throwable error) {
                whole.completeExceptionally(error);
            }
        });
        String text = whole.get().aiMessage().text();
        System.out.println("streamed chat: " + text);
        require(text.contentEquals(parts), "the parts are the whole");
    }

    private static Path smallCheckpoint() throws IOException {
        Path folder = Files.createTempDirectory("small-checkpoint");
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            for (String file : List.of("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors")) {
                folder.resolve(file).toFile().delete();
            }
            folder.toFile().delete();
        }));
        return SmallCheckpoint.write(folder);
    }

    private static void require(boolean holds, String what) {
        if (!holds) {
            throw new IllegalStateException("does not hold: " + what);
        }
    }
}
