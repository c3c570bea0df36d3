package io.maseparation.parallel.cli;

import io.maseparation.parallel.present.TableWriter;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** Progress of long work: a bar on a terminal, elsewhere a line now and then, and none if the work is soon done. */
final class Progress implements AutoCloseable {
    private static final int WIDTH = 79;

    private final Optional<ProgressBar> bar;
    private final Terminal terminal;
    private final String task;
    private final long start = System.nanoTime();
    private final AtomicLong steps = new AtomicLong();
    private final long most;
    private long next;
    private String what = "";

    /** @param most steps of the whole work; -1 if unknown */
    Progress(Terminal terminal, String task, long most) {
        this.terminal = terminal;
        this.task = task;
        this.most = most;
        next = terminal.linesEvery().toNanos();
        bar = terminal.progress()
                ? Optional.of(new ProgressBarBuilder()
                        .setTaskName(task)
                        .setInitialMax(most)
                        .setStyle(ProgressBarStyle.ASCII)
                        .setUpdateIntervalMillis(200)
                        .setConsumer(new ConsoleProgressBarConsumer(terminal.err(), width()))
                        .clearDisplayOnFinish()
                        .build())
                : Optional.empty();
    }

    private static int width() {
        int columns = TableWriter.columns();
        return columns == 0 ? WIDTH : Math.min(WIDTH, columns - 1);
    }

    /** One step is done. */
    void step() {
        bar.ifPresent(ProgressBar::step);
        line(steps.incrementAndGet(), most);
    }

    /** Says how much of how much is done; from any thread. */
    void at(long done, long of) {
        bar.ifPresent(b -> b.maxHint(of).stepTo(done));
        line(done, of);
    }

    /** Says what is being done. */
    void doing(String now) {
        bar.ifPresent(b -> b.setExtraMessage(now));
        synchronized (this) {
            what = ": " + now;
        }
    }

    /** A line if the last one is long ago; of work whose steps are not counted, without a share. */
    private synchronized void line(long done, long of) {
        long nanos = System.nanoTime() - start;
        if (bar.isPresent() || nanos < next) {
            return;
        }
        next = nanos + terminal.linesEvery().toNanos();
        terminal.err().println("%s%s, %s after %d s".formatted(
                task, what, of > 0 ? "%d %% (%d of %d)".formatted(100 * done / of, done, of) : done + " done",
                nanos / 1_000_000_000));
    }

    @Override
    public void close() {
        bar.ifPresent(ProgressBar::close);
    }
}
