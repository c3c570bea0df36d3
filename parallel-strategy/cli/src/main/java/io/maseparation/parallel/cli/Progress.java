package io.maseparation.parallel.cli;

import java.util.Optional;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** Progress of long work; nothing where nobody is watching. */
final class Progress implements AutoCloseable {
    private static final int WIDTH = 79;

    private final Optional<ProgressBar> bar;

    /** @param most steps of the whole work; -1 if unknown */
    Progress(Terminal terminal, String task, long most) {
        bar = terminal.progress()
                ? Optional.of(new ProgressBarBuilder()
                        .setTaskName(task)
                        .setInitialMax(most)
                        .setStyle(ProgressBarStyle.ASCII)
                        .setUpdateIntervalMillis(200)
                        .setConsumer(new ConsoleProgressBarConsumer(terminal.err(), WIDTH))
                        .clearDisplayOnFinish()
                        .build())
                : Optional.empty();
    }

    /** One step is done. */
    void step() {
        bar.ifPresent(ProgressBar::step);
    }

    /** Says how much of how much is done; from any thread. */
    void at(long done, long most) {
        bar.ifPresent(b -> b.maxHint(most).stepTo(done));
    }

    /** Says what is being done. */
    void doing(String what) {
        bar.ifPresent(b -> b.setExtraMessage(what));
    }

    @Override
    public void close() {
        bar.ifPresent(ProgressBar::close);
    }
}
