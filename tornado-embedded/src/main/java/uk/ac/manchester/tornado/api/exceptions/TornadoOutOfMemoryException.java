package uk.ac.manchester.tornado.api.exceptions;

/** A device has no room. */
public class TornadoOutOfMemoryException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** @param msg what is wrong */
    public TornadoOutOfMemoryException(String msg) {
        super(msg);
    }
}
