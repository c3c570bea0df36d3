package io.maseparation.parallel.cli;

/** A command that did its work and found that something does not hold, or an environment that lacks what is needed. */
final class FailedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** @param message one line meant for the user */
    FailedException(String message) {
        super(message);
    }

    /**
     * The same with what it comes from.
     *
     * @param message one line meant for the user
     * @param cause for --verbose
     */
    FailedException(String message, Throwable cause) {
        super(message, cause);
    }
}
