package io.maseparation.parallel.engine;

import io.maseparation.moe.TextStream;
import io.maseparation.parallel.execute.rank.Deployment;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Turns the tokens of a sequence into a request's answer, and finds where it ends. */
final class Answer implements Recipient {
    private final Completion completion;
    private final Optional<TextStream> text;
    private final Set<Integer> eos;
    private final int maxTokens;
    private final Runnable leavesQueue;
    private boolean queued = true;
    private int count;

    /**
     * @param text the tokens' text, where there is a tokenizer
     * @param eos tokens that end it
     * @param leavesQueue called once, when it no longer waits for the first time
     */
    Answer(
            Completion completion, Optional<TextStream> text, Set<Integer> eos, int maxTokens,
            Runnable leavesQueue) {
        this.completion = completion;
        this.text = text;
        this.eos = eos;
        this.maxTokens = maxTokens;
        this.leavesQueue = leavesQueue;
    }

    private void leaveQueue() {
        if (queued) {
            queued = false;
            leavesQueue.run();
        }
    }

    @Override
    public void started() {
        leaveQueue();
        completion.started();
    }

    @Override
    public boolean token(int token, float @Nullable [] logits, long nanos) {
        count++;
        boolean ends = eos.contains(token);
        String further = "";
        if (text.isPresent()) {
            TextStream stream = text.get();
            further = stream.add(token);
            ends |= stream.stopped();
            if (ends || count == maxTokens) {
                further += stream.end();
            }
        }
        completion.add(token, further, logits, nanos);
        return ends;
    }

    @Override
    public void ended(Finish finish) {
        leaveQueue();
        completion.end(finish, text.map(TextStream::end).orElse(""));
    }

    @Override
    public void failed(int rank, RuntimeException cause) {
        leaveQueue();
        completion.fail(cause instanceof RequestFailedException
                ? cause
                : new RequestFailedException("request %d failed%s: %s".formatted(
                        completion.number(), rank < 0 ? "" : " on rank " + rank, Deployment.describe(cause)), cause));
    }
}
