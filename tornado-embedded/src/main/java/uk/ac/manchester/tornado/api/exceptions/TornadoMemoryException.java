package uk.ac.manchester.tornado.api.exceptions;

/** Device memory is used wrongly. */
public class TornadoMemoryException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** @param msg what is wrong */
    public TornadoMemoryException(String msg) {
        super(msg);
    }
}
