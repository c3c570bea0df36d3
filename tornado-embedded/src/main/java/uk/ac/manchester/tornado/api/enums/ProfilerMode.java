package uk.ac.manchester.tornado.api.enums;

/** Where a profile goes. */
public enum ProfilerMode {
    /** To standard output. */
    CONSOLE,
    /** Into the result. */
    SILENT
}
