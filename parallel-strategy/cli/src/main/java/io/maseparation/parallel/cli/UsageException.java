package io.maseparation.parallel.cli;

/** A command line that cannot be understood or contradicts itself. The message is one line meant for the user. */
final class UsageException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** @param message which option or argument, and what is wrong with it */
    UsageException(String message) {
        super(message);
    }
}
