package io.maseparation.parallel.cli;

import org.apache.commons.cli.Option;
import org.apache.commons.cli.Options;

/** Options as they are added one by one, in the order of the help. */
final class OptionList {
    private final Options options = new Options();

    /** Adds an option without a value. */
    void flag(String name, String description) {
        options.addOption(Option.builder().longOpt(name).desc(description).get());
    }

    /** Adds an option without a value that also has a name of one letter. */
    void flag(String letter, String name, String description) {
        options.addOption(Option.builder(letter).longOpt(name).desc(description).get());
    }

    /**
     * Adds an option with a value.
     *
     * @param value what the help calls the value
     */
    void value(String name, String value, String description) {
        add(Option.builder(), name, value, description);
    }

    /** Adds an option with a value that also has a name of one letter. */
    void value(String letter, String name, String value, String description) {
        add(Option.builder(letter), name, value, description);
    }

    private void add(Option.Builder option, String name, String value, String description) {
        options.addOption(option.longOpt(name).hasArg().argName(value).desc(description).get());
    }

    /** All that were added. */
    Options all() {
        return options;
    }
}
