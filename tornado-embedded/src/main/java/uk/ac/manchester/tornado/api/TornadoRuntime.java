package uk.ac.manchester.tornado.api;

import uk.ac.manchester.tornado.api.common.TornadoDevice;

/** The drivers of this process. */
public interface TornadoRuntime {
    /** Driver by index. */
    TornadoBackend getBackend(int index);

    /** Number of drivers. */
    int getNumBackends();

    /** The device used where none is named. */
    TornadoDevice getDefaultDevice();
}
