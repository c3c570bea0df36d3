package uk.ac.manchester.tornado.api.exceptions;

/** A task graph cannot be built or run. */
public class TornadoRuntimeException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** @param msg what is wrong */
    public TornadoRuntimeException(String msg) {
        super(msg);
    }

    /** @param e why */
    public TornadoRuntimeException(Exception e) {
        super(e);
    }
}
