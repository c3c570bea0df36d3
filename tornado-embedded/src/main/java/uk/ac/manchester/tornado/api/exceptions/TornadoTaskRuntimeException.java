package uk.ac.manchester.tornado.api.exceptions;

/** A task cannot be added to a graph. */
public class TornadoTaskRuntimeException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** @param msg what is wrong */
    public TornadoTaskRuntimeException(String msg) {
        super(msg);
    }

    /**
     * @param msg what is wrong
     * @param e why
     */
    public TornadoTaskRuntimeException(String msg, Exception e) {
        super(msg, e);
    }
}
