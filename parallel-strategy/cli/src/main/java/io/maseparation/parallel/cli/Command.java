package io.maseparation.parallel.cli;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.apache.commons.cli.Options;

/** One command of the command line. */
abstract class Command {
    private final String name;
    private final String summary;
    private final List<Example> examples = new ArrayList<>();
    private final List<String> notes = new ArrayList<>();

    /**
     * @param name its name on the command line
     * @param summary what it does, in one line
     */
    Command(String name, String summary) {
        this.name = name;
        this.summary = summary;
    }

    /**
     * A command line that shows how something is done.
     *
     * @param arguments what follows {@code ma}
     * @param purpose what it is good for
     */
    record Example(String arguments, String purpose) {}

    /** Adds an example; the plainest comes first. */
    final void example(String arguments, String purpose) {
        examples.add(new Example(arguments, purpose));
    }

    /** Adds a paragraph that the user should know beside the options. */
    final void note(String text) {
        notes.add(text);
    }

    final String name() {
        return name;
    }

    final String summary() {
        return summary;
    }

    final List<Example> examples() {
        return Collections.unmodifiableList(examples);
    }

    final List<String> notes() {
        return Collections.unmodifiableList(notes);
    }

    /** Its options and those that every command has; each call returns new ones. */
    final Options options() {
        OptionList options = new OptionList();
        addOptions(options);
        OutputFlags.addCommon(options);
        return options.all();
    }

    /** Adds its options, in the order of the help. */
    abstract void addOptions(OptionList options);

    /**
     * Runs it.
     *
     * @throws UsageException before anything is done, if the options do not make sense
     */
    abstract void run(Arguments arguments, Terminal terminal);
}
