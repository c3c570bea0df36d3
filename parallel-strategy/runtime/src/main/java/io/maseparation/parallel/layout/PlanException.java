package io.maseparation.parallel.layout;

import io.maseparation.files.Text;

/** A layout that the model or the devices do not allow. The message is one line meant for the user. */
public final class PlanException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /**
     * A layout that is not possible.
     *
     * @param message what does not fit and which parameter changes it, in single quotes
     */
    public PlanException(String message) {
        super(Text.message(message));
    }
}
