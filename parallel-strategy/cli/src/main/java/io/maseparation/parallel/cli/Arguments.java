package io.maseparation.parallel.cli;

import io.maseparation.files.ModelException;
import io.maseparation.files.Numbers;
import java.io.File;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.apache.commons.cli.CommandLine;
import org.apache.commons.cli.DefaultParser;
import org.apache.commons.cli.MissingArgumentException;
import org.apache.commons.cli.Option;
import org.apache.commons.cli.Options;
import org.apache.commons.cli.ParseException;
import org.apache.commons.cli.UnrecognizedOptionException;

/** The parsed options of one command, read by their long names; every complaint names the option. */
final class Arguments {
    /** Options that may be given several times, whatever the command. */
    private static final Set<String> REPEATABLE = Set.of(PromptFlags.TEXT, PromptFlags.FILE,
            PromptFlags.IDS, PromptFlags.STOP, ChangeFlags.CHANGE_AT);

    /** Options with a say of their own on an empty or blank value. */
    private static final Set<String> PROMPTS =
            Set.of(PromptFlags.TEXT, PromptFlags.IDS, PromptFlags.SYSTEM, PromptFlags.STOP);

    private final CommandLine line;

    private Arguments(CommandLine line) {
        this.line = line;
    }

    /**
     * @param args what follows the command's name
     * @throws UsageException if an option is unknown, lacks its value or is given twice, or an argument is left over
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
            throw new UsageException(String.valueOf(e.getMessage()));
        }
        if (!line.getArgList().isEmpty()) {
            throw new UsageException("unexpected argument '%s'; see ma help %s"
                    .formatted(line.getArgList().getFirst(), command.name()));
        }
        Set<String> seen = new HashSet<>();
        for (Option option : line.getOptions()) {
            if (!seen.add(option.getLongOpt()) && !REPEATABLE.contains(option.getLongOpt())) {
                throw new UsageException(written(option) + " is given twice");
            }
            if (option.hasArg() && option.getValue().isBlank() && !PROMPTS.contains(option.getLongOpt())) {
                throw new UsageException(written(option) + " needs a value");
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

    /**
     * The path that the option names.
     *
     * @throws UsageException if nothing can have that name
     */
    Optional<Path> path(String name) {
        return text(name).map(path -> {
            try {
                return Path.of(path);
            } catch (InvalidPathException e) {
                throw new UsageException("--%s: '%s' is not a file name".formatted(name, path));
            }
        });
    }

    /**
     * What the option's text names: something the program knows, or else a file.
     *
     * @throws UsageException if it is neither
     * @throws ModelException if something is wrong with the file
     */
    <T> T named(String name, String absent, Function<String, T> read) {
        String value = text(name).orElse(absent);
        try {
            return read.apply(value);
        } catch (ModelException e) {
            if (has(name) && !new File(value).exists()) {
                throw new UsageException(FlagNames.translate(e.getMessage()));
            }
            throw e;
        }
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
        long number = whole(option, value);
        if (number < least || number > most) {
            throw new UsageException(most == Integer.MAX_VALUE && number < least
                    ? "%s must be at least %d, is %d".formatted(option, least, number)
                    : "%s must be from %d to %d, is %d".formatted(option, least, most, number));
        }
        return (int) number;
    }

    private static long whole(String option, String value) {
        return Numbers.whole(value).orElseThrow(
                () -> new UsageException("%s: '%s' is not a whole number".formatted(option, value)));
    }

    /** A whole number of 64 bits; 0 where none is given. */
    long seed(String name) {
        return text(name).map(value -> whole("--" + name, value)).orElse(0L);
    }

    /** A finite number. */
    double number(String name, double absent) {
        return text(name)
                .map(value -> Numbers.finite(value).orElseThrow(
                        () -> new UsageException("--%s: '%s' is not a number".formatted(name, value))))
                .orElse(absent);
    }

    /** One of some values, by their names. */
    <T> T choice(String name, T absent, List<T> values, Function<T, String> id) {
        return choice(name, values, id).orElse(absent);
    }

    /** The same where no value stands for an absent one. */
    <T> Optional<T> choice(String name, List<T> values, Function<T, String> id) {
        return text(name).map(given -> {
            String wanted = given.toLowerCase(Locale.ROOT);
            List<String> ids = values.stream().map(id).toList();
            int index = ids.indexOf(wanted);
            if (index < 0) {
                String names = String.join(", ", ids);
                throw new UsageException(Suggestions.closest(wanted, ids)
                        .map(closest -> "--%s: there is no '%s'; did you mean %s? (there are %s)"
                                .formatted(name, given, closest, names))
                        .orElseGet(() -> "--%s: there is no '%s'; there are %s".formatted(name, given, names)));
            }
            return values.get(index);
        });
    }
}
