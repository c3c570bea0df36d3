package io.maseparation.parallel.cli;

import io.maseparation.files.ModelException;
import io.maseparation.files.Text;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.run.RunFailedException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The command line. Exit status 0 for success, 2 for a command line that makes no sense, 1 for any other failure. */
public final class Main {
    private static final int FAILED = 1;
    private static final int USAGE = 2;
    private static final List<Command> COMMANDS =
            List.of(new GenerateCommand(), new CompareCommand(), new SimulateCommand(), new PlanCommand(),
                    new ReproduceCommand(), new BalanceCommand(), new PoliciesCommand(), new CalibrateCommand(),
                    new BenchCommand(),
                    new DevicesCommand());

    private static final Pattern COLOURS_AND_STACK =
            Pattern.compile("\\x1B\\[[0-9;]*m|\\s*Stacktrace: \\[.*", Pattern.DOTALL);

    /** Unless this is true, the tokenizers' library tells its makers which instance of Amazon EC2 it is loaded on. */
    private static final String NO_TRACKING = "OPT_OUT_TRACKING";

    /** Says that native libraries are there which print to standard output: {@code ma} sets it. */
    private static final String SHARED_OUTPUT = "ma.sharedOutput";

    private Main() {}

    /**
     * Runs a command and ends the JVM with its exit status.
     *
     * @param args command and options
     */
    public static void main(String[] args) {
        // Whatever a rank that does not speak for all has to say, the library's log included.
        MpiFlags.silentRank(List.of(args)).ifPresent(rank -> System.setErr(MpiFlags.prefixed(rank, System.err)));
        boolean alone = !Boolean.getBoolean(SHARED_OUTPUT);
        System.exit(run(args, alone ? System.out : NativeOutput.ownStandardOutput(), System.err));
    }

    /**
     * Runs a command.
     *
     * @param args command and options
     * @param out results
     * @param err everything else
     * @return exit status
     */
    public static int run(String[] args, PrintStream out, PrintStream err) {
        int status = 0;
        if (System.getProperty(NO_TRACKING) == null) {
            System.setProperty(NO_TRACKING, "true");
        }
        try {
            dispatch(List.of(args), Terminal.of(out, err));
        } catch (RuntimeException | Error e) {
            status = e instanceof UsageException ? USAGE : FAILED;
            if ((e instanceof UsageException || e instanceof PlanException)
                    && MpiFlags.silentRank(List.of(args)).isPresent()) {
                MpiFlags.waitForLeader();
            }
            err.println("ma: " + oneLine(message(e, List.of(args))));
            if (Arrays.asList(args).contains("--" + OutputFlags.VERBOSE)) {
                StringWriter trace = new StringWriter();
                e.printStackTrace(new PrintWriter(trace));
                trace.toString().lines().map(Text::message).forEach(err::println);
            }
        }
        if (out.checkError() && status == 0) {
            err.println("ma: the results could not be written to standard output");
            status = FAILED;
        }
        return status;
    }

    /** All commands, in the order of the help. */
    static List<Command> commands() {
        return COMMANDS;
    }

    private static void dispatch(List<String> args, Terminal terminal) {
        String first = args.isEmpty() ? "help" : args.getFirst();
        List<String> rest = args.isEmpty() ? List.of() : args.subList(1, args.size());
        switch (first) {
            case "help", "--help", "-h" -> help(rest, terminal);
            case "--version", "version" -> {
                if (!rest.isEmpty()) {
                    throw new UsageException(
                            "unexpected argument '%s'; %s stands alone".formatted(rest.getFirst(), first));
                }
                terminal.out().println(HelpText.version());
            }
            default -> {
                Command command = command(first);
                if (rest.contains("--" + OutputFlags.HELP) || rest.contains("-h")) {
                    terminal.out().print(HelpText.of(command));
                } else {
                    command.run(Arguments.parse(command, rest), terminal);
                }
            }
        }
    }

    private static void help(List<String> about, Terminal terminal) {
        List<String> names = about.stream().filter(a -> !List.of("help", "--help", "-h").contains(a)).toList();
        if (names.size() > 1) {
            throw new UsageException("help explains one command at a time; there are " + listed());
        }
        terminal.out().print(names.isEmpty() ? HelpText.program(COMMANDS) : HelpText.of(command(names.getFirst())));
    }

    private static Command command(String name) {
        Optional<Command> found = named(name);
        if (found.isPresent()) {
            return found.get();
        }
        if (name.startsWith("-")) {
            throw new UsageException("unknown option '%s'; a command comes first: %s".formatted(name, listed()));
        }
        throw new UsageException(Suggestions.closest(name, names())
                .map(closest -> "unknown command '%s'; did you mean %s?".formatted(name, closest))
                .orElseGet(() -> "unknown command '%s'; there are %s".formatted(name, listed())));
    }

    private static Optional<Command> named(String name) {
        return COMMANDS.stream().filter(c -> c.name().equals(name)).findFirst();
    }

    private static List<String> names() {
        return Stream.concat(COMMANDS.stream().map(Command::name), Stream.of("help"))
                .toList();
    }

    private static String listed() {
        return String.join(", ", names());
    }

    private static String message(Throwable e, List<String> args) {
        return switch (e) {
            case UsageException _ -> String.valueOf(e.getMessage());
            case ModelException _,PlanException _,RunFailedException _,FailedException _ -> translated(e, args);
            case UncheckedIOException _ -> "input or output failed: "
                    + Objects.requireNonNull(e.getCause(), "it is made with a cause").getMessage();
            case OutOfMemoryError _ -> Text.outOfMemory(
                    e, "lower --max-tokens, --prefill-chunk or the number of prompts, or choose a smaller --model");
            default -> "unexpected %s%s; run again with --verbose for details".formatted(
                    e.getClass().getSimpleName(), e.getMessage() == null ? "" : ": " + e.getMessage());
        };
    }

    private static String translated(Throwable e, List<String> args) {
        return named(args.isEmpty() ? "" : args.getFirst())
                .map(c -> FlagNames.translate(e.getMessage(), c, args))
                .orElseGet(() -> FlagNames.translate(e.getMessage()));
    }

    /**
     * The message without line breaks and other control characters, which come with names of files and the like, and
     * without the colours and stack traces that TornadoVM puts into its messages.
     */
    static String oneLine(String message) {
        String some = Text.shortened(String.valueOf(message), 20 * Text.LONGEST_MESSAGE);
        return Text.message(Text.line(COLOURS_AND_STACK.matcher(some).replaceAll("").strip()
                .replaceAll("\\s*\\R\\s*", " ")));
    }
}
