package uk.ac.manchester.tornado.api;

import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;
import uk.ac.manchester.tornado.api.exceptions.TornadoRuntimeException;

/** The drivers of this process. */
public interface TornadoRuntime {
    /**
     * Driver by index.
     *
     * @throws TornadoRuntimeException if there is none
     */
    TornadoBackend getBackend(int index);

    /** Makes a driver the first one, which is used where none is named. */
    void setDefaultBackend(int index);

    /** Kind of a driver by index. */
    TornadoVMBackendType getBackendType(int index);

    /** Number of drivers. */
    int getNumBackends();

    /** The device used where none is named. */
    TornadoDevice getDefaultDevice();
}
