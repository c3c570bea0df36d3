package io.maseparation.parallel.cli;

import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.apache.commons.cli.CommandLine;
import org.apache.commons.cli.DefaultParser;
import org.apache.commons.cli.MissingArgumentException;
import org.apache.commons.cli.Option;
import org.apache.commons.cli.Options;
import org.apache.commons.cli.ParseException;
import org.apache.commons.cli.UnrecognizedOptionException;

/** The parsed options of one command, read by their long names; every complaint names the option. */
final class Arguments {
    private final CommandLine line;

    private Arguments(CommandLine line) {
        this.line = line;
    }

    /**
     * @param args what follows the command's name
     * @throws UsageException if an option is unknown, lacks its value or stands there twice, or an argument is left
     *     over
     */
    static Arguments parse(Command command, List<String> args) {
        Options options = command.options();
        DefaultParser parser = DefaultParser.builder()
                .setAllowPartialMatching(false)
                .setStripLeadingAndTrailingQuotes(false)
                .get();
        CommandLine line;
        try {
            line = parser.parse(options, args.toArray(String[]::new));
        } catch (UnrecognizedOptionException e) {
            throw new UsageException(unknown(command, options, e.getOption()));
        } catch (MissingArgumentException e) {
            throw new UsageException(written(e.getOption()) + " needs a value");
        } catch (ParseException e) {
            throw new UsageException(e.getMessage());
        }
        if (!line.getArgList().isEmpty()) {
            throw new UsageException("unexpected argument '%s'; see ma help %s"
                    .formatted(line.getArgList().getFirst(), command.name()));
        }
        Set<String> seen = new HashSet<>();
        for (Option option : line.getOptions()) {
            if (!seen.add(option.getLongOpt()) && !command.repeatable().contains(option.getLongOpt())) {
                throw new UsageException(written(option) + " is given twice");
            }
        }
        return new Arguments(line);
    }

    private static String unknown(Command command, Options options, String typed) {
        String name = typed.replaceFirst("^-+", "").replaceFirst("=.*", "");
        List<String> names = options.getOptions().stream().map(Option::getLongOpt).toList();
        return Suggestions.closest(name, names)
                .map(closest -> "unknown option '%s'; did you mean --%s?".formatted(typed, closest))
                .orElseGet(() -> "unknown option '%s'; see ma help %s".formatted(typed, command.name()));
    }

    private static String written(Option option) {
        return "--" + option.getLongOpt();
    }

    /** Whether the option is there. */
    boolean has(String name) {
        return line.hasOption(name);
    }

    /** The option's text. */
    Optional<String> text(String name) {
        return Optional.ofNullable(line.getOptionValue(name));
    }

    /** The occurrences of some options, in the order they were given. */
    List<Option> inOrder(String... names) {
        Set<String> wanted = Set.of(names);
        return Arrays.stream(line.getOptions())
                .filter(o -> wanted.contains(o.getLongOpt()))
                .toList();
    }

    /** A whole number from {@code least} to {@code most}. */
    int integer(String name, int absent, int least, int most) {
        return text(name).map(value -> integer("--" + name, value, least, most)).orElse(absent);
    }

    /** Whole numbers separated by commas. */
    List<Integer> integers(String name, String absent, int least, int most) {
        return Arrays.stream(text(name).orElse(absent).split(",", -1))
                .map(value -> integer("--" + name, value.strip(), least, most))
                .toList();
    }

    private static int integer(String option, String value, int least, int most) {
        long number;
        try {
            number = Long.parseLong(value);
        } catch (NumberFormatException e) {
            throw new UsageException("%s: '%s' is not a whole number".formatted(option, value));
        }
        if (number < least || number > most) {
            throw new UsageException(most == Integer.MAX_VALUE && number < least
                    ? "%s must be at least %d, is %d".formatted(option, least, number)
                    : "%s must be from %d to %d, is %d".formatted(option, least, most, number));
        }
        return (int) number;
    }

    /** A whole number of 64 bits. */
    long seed(String name) {
        return text(name)
                .map(value -> {
                    try {
                        return Long.valueOf(value);
                    } catch (NumberFormatException e) {
                        throw new UsageException("--%s: '%s' is not a whole number".formatted(name, value));
                    }
                })
                .orElse(0L);
    }

    /** A finite number. */
    double number(String name, double absent) {
        return text(name)
                .map(value -> {
                    double number;
                    try {
                        number = Double.parseDouble(value);
                    } catch (NumberFormatException e) {
                        number = Double.NaN;
                    }
                    if (!Double.isFinite(number)) {
                        throw new UsageException("--%s: '%s' is not a number".formatted(name, value));
                    }
                    return number;
                })
                .orElse(absent);
    }

    /** One of some values, by their names. */
    <T> T choice(String name, T absent, List<T> values, Function<T, String> id) {
        Optional<String> given = text(name);
        if (given.isEmpty()) {
            return absent;
        }
        String wanted = given.get().toLowerCase(Locale.ROOT);
        List<String> ids = values.stream().map(id).toList();
        int index = ids.indexOf(wanted);
        if (index < 0) {
            String names = ids.stream().collect(Collectors.joining(", "));
            throw new UsageException(Suggestions.closest(wanted, ids)
                    .map(closest -> "--%s: there is no '%s'; did you mean %s? (there are %s)"
                            .formatted(name, given.get(), closest, names))
                    .orElseGet(() -> "--%s: there is no '%s'; there are %s".formatted(name, given.get(), names)));
        }
        return values.get(index);
    }
}
