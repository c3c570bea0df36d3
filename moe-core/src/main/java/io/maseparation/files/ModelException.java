package io.maseparation.files;

/**
 * Input that cannot be used: a checkpoint, a configuration, a prompt. The message is one line meant for the user, of at
 * most {@value Text#LONGEST_MESSAGE} characters.
 */
public final class ModelException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /**
     * A complaint.
     *
     * @param message what is wrong and where, and what to do about it
     */
    public ModelException(String message) {
        super(Text.message(message));
    }

    /**
     * A complaint with its cause.
     *
     * @param message what is wrong and where, and what to do about it
     * @param cause what led to it
     */
    public ModelException(String message, Throwable cause) {
        super(Text.message(message), cause);
    }
}
