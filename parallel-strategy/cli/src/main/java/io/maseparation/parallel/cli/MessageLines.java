package io.maseparation.parallel.cli;

import java.io.PrintStream;
import java.text.MessageFormat;
import java.util.ResourceBundle;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What the command line does with the library's log: every message is one line on standard error, which begins as
 * failures do. An application that embeds the library does not get this; it has its own.
 */
public final class MessageLines extends System.LoggerFinder {
    @Override
    public System.Logger getLogger(String name, Module module) {
        return new Lines(name, () -> System.err);
    }

    /**
     * A logger that prints.
     *
     * @param getName name of the logger
     * @param to where to
     */
    record Lines(String getName, Supplier<PrintStream> to) implements System.Logger {
        @Override
        public boolean isLoggable(Level level) {
            return level.getSeverity() >= Level.INFO.getSeverity() && level != Level.OFF;
        }

        @Override
        public void log(
                Level level, @Nullable ResourceBundle bundle, @Nullable String message, @Nullable Throwable thrown) {
            if (isLoggable(level)) {
                String kind = level == Level.INFO ? "" : "warning: ";
                String cause = thrown == null ? "" : ": " + thrown;
                to.get().println("ma: " + kind + FlagNames.translate(Main.oneLine(message + cause)));
            }
        }

        @Override
        public void log(
                Level level, @Nullable ResourceBundle bundle, @Nullable String format, @Nullable Object... values) {
            String message = format == null || values == null || values.length == 0
                    ? format
                    : MessageFormat.format(format, values);
            log(level, bundle, message, (Throwable) null);
        }
    }
}
