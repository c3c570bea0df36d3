package uk.ac.manchester.tornado.api.exceptions;

/** A plan cannot be closed. */
public class TornadoExecutionPlanException extends Exception {
    private static final long serialVersionUID = 1L;

    /** @param message what is wrong */
    public TornadoExecutionPlanException(String message) {
        super(message);
    }
}
