package io.maseparation.parallel.cli;

import io.maseparation.parallel.present.TableWriter;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.apache.commons.cli.Option;

/** What {@code --help} and {@code --version} print. */
final class HelpText {
    private static final int MOST_WIDTH = 100;
    private static final int LONGEST_OPTION = 34;
    private static final Pattern WORD = Pattern.compile("([^ \"]|\"[^\"]*\")+");

    private HelpText() {}

    private static int width() {
        int columns = TableWriter.columns();
        return columns == 0 ? MOST_WIDTH : Math.min(MOST_WIDTH, columns);
    }

    /** Help on the whole program. */
    static String program(List<Command> commands) {
        StringBuilder text = new StringBuilder();
        wrapped(text,
                "Mixture-of-Experts inference with attention and experts on separate devices (MA Separation), beside"
                        + " tensor x pipeline parallelism, expert parallelism and a single device.",
                0);
        text.append("\nTry it:\n");
        examples(text, commands.stream().map(c -> c.examples().getFirst()).toList());
        text.append("\nCommands:\n");
        for (Command command : commands) {
            entry(text, command.name(), 12, command.summary());
        }
        entry(text, "help", 12, "explain a command: ma help generate");
        text.append('\n');
        wrapped(text,
                "Results go to standard output, everything else to standard error. Exit status: 0 success, 2 a command"
                        + " line that makes no sense, 1 any other failure, with one line that says what to do.",
                0);
        return text.toString();
    }

    /** Help on one command. */
    static String of(Command command) {
        StringBuilder text = new StringBuilder();
        wrapped(text, "ma " + command.name() + ": " + command.summary(), 0);
        text.append("\nExamples:\n");
        examples(text, command.examples());
        text.append("\nOptions [defaults]:\n");
        for (Option option : command.options().getOptions()) {
            String shortName = option.getOpt() == null ? "    " : "-" + option.getOpt() + ", ";
            String value = option.hasArg() ? " " + option.getArgName() : "";
            entry(text, shortName + "--" + option.getLongOpt() + value, Math.min(LONGEST_OPTION, width() / 3),
                    option.getDescription());
        }
        for (String note : command.notes()) {
            text.append('\n');
            wrapped(text, note, 0);
        }
        return text.toString();
    }

    /** Name and version of the program, and what it runs on. */
    static String version() {
        Properties properties = new Properties();
        try (InputStream file =
                HelpText.class
                        .getResourceAsStream("/META-INF/maven/io.maseparation/ma-cli/pom.properties")) {
            if (file != null) {
                properties.load(file);
            }
        } catch (IOException e) {
            properties.clear();
        }
        return "ma %s, Java %s".formatted(properties.getProperty("version", "(development)"), Runtime.version());
    }

    private static void examples(StringBuilder text, List<Command.Example> examples) {
        for (Command.Example example : examples) {
            StringBuilder purpose = new StringBuilder();
            wrapped(purpose, example.purpose(), 0, width() - 4);
            purpose.toString().lines().forEach(line -> text.append("  # ").append(line).append('\n'));
            StringBuilder line = new StringBuilder("  ./ma");
            for (String word : phrases(example.arguments())) {
                if (line.length() + 1 + word.length() > width() - 2) {
                    text.append(line).append(" \\\n");
                    line = new StringBuilder("     ");
                }
                line.append(' ').append(word);
            }
            text.append(line).append('\n');
        }
    }

    /** Options together with their values, so that no line breaks between them. */
    private static List<String> phrases(String line) {
        List<String> phrases = new ArrayList<>();
        for (String word : words(line)) {
            if (word.startsWith("-") || phrases.isEmpty()) {
                phrases.add(word);
            } else {
                phrases.add(phrases.removeLast() + " " + word);
            }
        }
        return phrases;
    }

    /** Words of a command line; quotes hold a word together and stay. */
    static List<String> words(String line) {
        return WORD.matcher(line).results().map(MatchResult::group).toList();
    }

    private static void entry(StringBuilder text, String name, int width, String description) {
        text.append("  ").append(name);
        if (name.length() > width) {
            text.append('\n').append(" ".repeat(width + 2));
        } else {
            text.append(" ".repeat(width - name.length()));
        }
        wrapped(text, description, width + 4);
    }

    /** Appends words, breaking lines; the first line goes on where the text is, padded to the indent by the caller. */
    static void wrapped(StringBuilder text, String words, int indent) {
        if (indent > 0) {
            text.append("  ");
        }
        wrapped(text, words, indent, width());
    }

    /** The same text with its sentences in lines of the terminal, if it goes to one; rows of tables are left alone. */
    static String fitted(String text) {
        int columns = TableWriter.columns();
        if (columns == 0) {
            return text;
        }
        StringBuilder fitted = new StringBuilder();
        for (String line : text.split("\n", -1)) {
            if (line.length() <= columns || line.contains("  ")) {
                fitted.append(line).append('\n');
            } else {
                wrapped(fitted, line, 0, columns);
            }
        }
        fitted.setLength(fitted.length() - 1);
        return fitted.toString();
    }

    private static void wrapped(StringBuilder text, String words, int indent, int width) {
        int column = indent;
        for (String word : words.split(" ", -1)) {
            if (column > indent && column + 1 + word.length() > width) {
                text.append('\n').append(" ".repeat(indent));
                column = indent;
            }
            if (column > indent) {
                text.append(' ');
                column++;
            }
            text.append(word);
            column += word.length();
        }
        text.append('\n');
    }
}
