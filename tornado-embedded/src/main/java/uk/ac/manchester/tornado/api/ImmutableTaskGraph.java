package uk.ac.manchester.tornado.api;

/** A finished task graph. */
public class ImmutableTaskGraph {
    private final TaskGraph graph;

    ImmutableTaskGraph(TaskGraph graph) {
        this.graph = graph;
    }

    TaskGraph graph() {
        return graph;
    }
}
