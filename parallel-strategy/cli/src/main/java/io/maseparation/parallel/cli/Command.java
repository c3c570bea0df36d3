package io.maseparation.parallel.cli;

import java.util.List;
import org.apache.commons.cli.Options;

/** One command of the command line. */
interface Command {

    /**
     * A command line that shows how something is done.
     *
     * @param arguments what follows {@code ma}
     * @param purpose what it is good for
     */
    record Example(String arguments, String purpose) {}

    /** Name on the command line. */
    String name();

    /** What it does, in one line. */
    String summary();

    /** Its options; each call gives new ones. */
    Options options();

    /** Long names of options that may be given several times. */
    default List<String> repeatable() {
        return List.of();
    }

    /** Examples, the plainest first. */
    List<Example> examples();

    /** What the user should know beside the options; lines. */
    default List<String> notes() {
        return List.of();
    }

    /**
     * Runs it.
     *
     * @throws UsageException before anything is done, if the options do not make sense
     */
    void run(Arguments arguments, Terminal terminal);
}
