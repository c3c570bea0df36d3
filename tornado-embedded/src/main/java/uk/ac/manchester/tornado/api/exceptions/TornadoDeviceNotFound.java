package uk.ac.manchester.tornado.api.exceptions;

/** There is no such device. */
public class TornadoDeviceNotFound extends TornadoRuntimeException {
    private static final long serialVersionUID = 1L;

    /** @param msg what is wrong */
    public TornadoDeviceNotFound(String msg) {
        super(msg);
    }
}
