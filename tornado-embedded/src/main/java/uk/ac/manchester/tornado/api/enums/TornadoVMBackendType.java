package uk.ac.manchester.tornado.api.enums;

/** Drivers. */
public enum TornadoVMBackendType {
    OPENCL, METAL, PTX, CUDA, SPIRV,
    /** No driver: plain JVM threads. */
    JAVA, VIRTUAL
}
