package io.maseparation.bench;

import java.io.IOException;

/**
 * Runs benchmarks: the arguments are JMH's, most of all a regular expression of the names to run, and {@code -p rows=1}
 * and the like to narrow their parameters. {@code -h} lists them all. From the root of the project:
 *
 * <pre>{@code
 * ./mvnw -q package -Dlauncher -Djmh="ProjectionBenchmark -p rows=1"
 * }</pre>
 */
public final class Benchmarks {
    private Benchmarks() {}

    /** Forwards to JMH, which starts a JVM with the arguments that a benchmark class declares. */
    public static void main(String[] args) throws IOException {
        org.openjdk.jmh.Main.main(args);
    }
}
