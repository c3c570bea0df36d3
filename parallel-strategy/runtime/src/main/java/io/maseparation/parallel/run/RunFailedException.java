package io.maseparation.parallel.run;

import io.maseparation.files.Text;
import org.jspecify.annotations.Nullable;

/** A rank failed or got stuck. The message is one line that names it. */
public final class RunFailedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /**
     * A failure.
     *
     * @param message which rank and what happened
     * @param cause what led to it, if that was an exception
     */
    public RunFailedException(String message, @Nullable Throwable cause) {
        super(Text.message(message), cause);
    }
}
