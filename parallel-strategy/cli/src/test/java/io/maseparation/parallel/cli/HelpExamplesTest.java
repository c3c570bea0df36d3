package io.maseparation.parallel.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.apache.commons.cli.Option;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Examples in the help can be typed as they stand. */
class HelpExamplesTest {
    private static final String CHECKPOINT = "path/to/checkpoint";

    @TempDir
    Path temp;

    static Stream<String> examples() {
        return Main.commands().stream().flatMap(c -> c.examples().stream()).map(Command.Example::arguments);
    }

    /**
     * Examples of calibrate differ in what {@link #exampleRuns} replaces, so one of them will do, and what remains of
     * those of reproduce is run by {@link ReproduceTest}.
     */
    static Stream<String> examplesThatDiffer() {
        Set<String> seen = new HashSet<>();
        return examples().filter(e -> !e.startsWith("reproduce"))
                .filter(e -> !e.startsWith("calibrate") || seen.add(e.replaceFirst(" .*", "")));
    }

    @ParameterizedTest
    @MethodSource("examplesThatDiffer")
    void exampleRuns(String example) throws IOException {
        String line = example;
        if (line.equals("compare")) {
            line = "compare -m tiny -n 2 -r 1";
        }
        if (line.startsWith("calibrate")) {
            line = "calibrate -m tiny -r 1 -n 2 --no-check -o " + temp.resolve("profile.json");
        }
        if (line.endsWith("--self-check")) {
            // SelfCheckTest does the same with the other bodies.
            line += " --body portable";
        }
        if (line.startsWith("policies")) {
            // Few steps of a small batch: all of the study would take a minute.
            line = line.replaceFirst(" -o \\S+", " -o " + temp.resolve("policies")).replaceFirst(" --steps \\d+", "")
                    + " --steps 24 --rebalance-interval 8" + (line.contains("--batch") ? "" : " --batch 64");
        }
        if (line.contains(CHECKPOINT)) {
            line = line.replace(CHECKPOINT, TextTest.checkpoint(temp).toString())
                    .replace("-p \"Once upon a time\"", "--prompt-ids 1,2");
            line += line.startsWith("bench") ? " -p 8 -n 4 -r 1" : "";
        }
        if (line.startsWith("balance")) {
            Files.writeString(temp.resolve("loads.json"), "[90,132,40,61,104,165,39,4,73,56,183,86]");
            line = line.replace("loads.json", temp.resolve("loads.json").toString());
        }
        line = line.replace(" plan.json", " " + temp.resolve("plan.json"));
        CommandLineRun run = CommandLineRun.of(CommandLineRun.words(line));

        assertThat(run.status()).as(run.err()).isZero();
        assertThat(run.out()).isNotEmpty();
    }

    @ParameterizedTest
    @MethodSource("examples")
    void exampleParsesAsItStands(String example) {
        List<String> words = Arrays.asList(CommandLineRun.words(example));
        Command command = Main.commands().stream()
                .filter(c -> c.name().equals(words.getFirst()))
                .findFirst()
                .orElseThrow();

        assertThat(Arguments.parse(command, words.subList(1, words.size()))).isNotNull();
    }

    static Stream<Command> commands() {
        return Main.commands().stream();
    }

    @ParameterizedTest
    @MethodSource("commands")
    void helpExplainsEveryOption(Command command) {
        CommandLineRun run = CommandLineRun.of("help", command.name());
        CommandLineRun same = CommandLineRun.of(command.name(), "--help");

        assertThat(run.status()).isZero();
        assertThat(same.out()).isEqualTo(run.out());
        for (Option option : command.options().getOptions()) {
            assertThat(run.out()).contains("--" + option.getLongOpt());
        }
        assertThat(run.out().lines()).allMatch(l -> l.length() <= 120);
    }

    @Test
    void helpTablesAndSentencesKeepToTheTerminal() throws IOException {
        Path loads = Files.writeString(temp.resolve("few.json"), "[3, 1, 2]");
        String simulate = "simulate -m tiny --strategy ma --attention-devices 2 --expert-devices 2 --cluster a100x4";
        try {
            for (int columns : new int[] {40, 80, 200}) {
                System.setProperty("ma.columns", String.valueOf(columns));
                for (String line : List.of("help", "help generate", "help simulate",
                        "generate -m tiny --prompt-ids 1 -n 9",
                        "generate -m tiny --prompt-ids 1,2 -n 2 --strategy ep --expert-parallel-size 2",
                        simulate, "simulate -m deepseek-v3 --cluster h200x16 --strategy ep --expert-parallel-size 16",
                        "plan -m tiny --cluster a100x2", "devices",
                        "compare -m tiny --prompt-tokens 2 -n 2 -r 1 --devices 2 --batch 2",
                        "bench -m tiny -p 2 -n 1 -r 1 --format table", "balance --gpus 2 --slots 4 --loads " + loads)) {
                    CommandLineRun run = CommandLineRun.of(CommandLineRun.words(line));
                    assertThat(run.status()).as(run.err()).isZero();
                    // An option stays together with its value, and what has no space in one line.
                    assertThat(run.out().lines().filter(l -> !l.matches(" *(./ma|-).*") && l.strip().contains(" ")))
                            .as("%s in %d columns", line, columns)
                            .allMatch(l -> l.length() <= columns);
                }
            }
            String narrow = CommandLineRun.of(CommandLineRun.words(simulate)).out();
            System.clearProperty("ma.columns");
            String wide = CommandLineRun.of(CommandLineRun.words(simulate)).out();
            assertThat(wide.lines()).anyMatch(l -> l.length() > 100);
            // Every number and word is still there.
            assertThat(narrow.split("\\s+")).contains(Arrays.stream(wide.split("\\s+"))
                    .filter(w -> w.matches("[0-9.,]+|[a-z]+")).toArray(String[]::new));
        } finally {
            System.clearProperty("ma.columns");
        }
    }
}
