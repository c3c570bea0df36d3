package uk.ac.manchester.tornado.api.runtime;

import io.maseparation.tornado.embedded.EmbeddedRuntime;
import uk.ac.manchester.tornado.api.TornadoRuntime;

/** Gives access to the runtime. */
public class TornadoRuntimeProvider {
    /** The runtime of this process: the embedded one. */
    public static TornadoRuntime getTornadoRuntime() {
        return EmbeddedRuntime.INSTANCE;
    }
}
