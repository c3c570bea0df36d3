package uk.ac.manchester.tornado.api.exceptions;

/** A plan cannot be closed. */
public class TornadoExecutionPlanException extends Exception {
    private static final long serialVersionUID = 1L;

    /** @param reason what is wrong */
    public TornadoExecutionPlanException(String reason) {
        super(reason);
    }

    /**
     * @param message what is wrong
     * @param cause why
     */
    public TornadoExecutionPlanException(String message, Throwable cause) {
        super(message, cause);
    }
}
