package io.maseparation.parallel.engine;

import io.maseparation.files.Text;
import org.jspecify.annotations.Nullable;

/** One request failed, and harmed no other. The message is one line. */
public final class RequestFailedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /**
     * A failure.
     *
     * @param message which request and what happened
     * @param cause what led to it, if that was an exception
     */
    public RequestFailedException(String message, @Nullable Throwable cause) {
        super(Text.message(message), cause);
    }
}
