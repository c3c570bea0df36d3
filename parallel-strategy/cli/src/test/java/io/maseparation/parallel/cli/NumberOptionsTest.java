package io.maseparation.parallel.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.apache.commons.cli.Option;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Wherever a command line takes a number, it takes what people write for one and nothing else. */
class NumberOptionsTest {
    private static final Set<String> NUMBERS = Set.of("N", "X", "K", "S", "G", "SECONDS", "N,N,...");

    @ParameterizedTest
    @ValueSource(strings = {"1f", "1d", "0x1p3", "NaN", "Infinity", "1e999", "１", "1_0", "+-1", "1;"})
    void whatOnlyJavaTakesForANumberIsRefusedByName(String number) {
        int tried = 0;
        for (Command command : Main.commands()) {
            for (Option option : command.options().getOptions()) {
                if (option.hasArg() && NUMBERS.contains(option.getArgName())) {
                    tried++;
                    refused(option.getLongOpt(), valid(command.name()), "--" + option.getLongOpt(),
                            number);
                }
            }
        }
        assertThat(tried).isGreaterThan(80);
        for (String command : List.of("simulate", "plan", "policies")) {
            for (String routing : List.of("zipf:%s", "drift:%s:3", "drift:1:%s")) {
                refused("routing", valid(command), "--routing", routing.formatted(number));
            }
            refused("cluster", valid(command), "--cluster", "a100x" + number);
        }
        refused("prompt-ids", List.of("generate", "--model", "tiny"), "--prompt-ids", "1," + number);
        refused("device-memory", valid("generate"), "--device-memory", number + "GB");
        List<String> separated = new ArrayList<>(valid("generate"));
        separated.addAll(List.of("--strategy", "ma"));
        refused("change-at", separated, "--change-at", number + "=1:2");
        refused("change-at", separated, "--change-at", "2=1:" + number);
    }

    private static List<String> valid(String command) {
        return switch (command) {
            case "generate" -> List.of(command, "--model", "tiny", "--prompt-ids", "1");
            case "balance" -> List.of(command, "--gpus", "4", "--slots", "8", "--loads", "none");
            case "devices", "reproduce" -> List.of(command);
            default -> List.of(command, "--model", "tiny");
        };
    }

    private static void refused(String name, List<String> words, String option, String value) {
        List<String> line = new ArrayList<>(words);
        int there = line.indexOf(option);
        if (there >= 0) {
            line.set(there + 1, value);
        } else {
            line.addAll(List.of(option, value));
        }
        CommandLineRun run = CommandLineRun.of(line.toArray(String[]::new));
        assertThat(run.status()).as("%s: %s", line, run.err()).isEqualTo(2);
        assertThat(run.err()).as("%s", line).contains(name);
        assertThat(run.err().lines()).as("%s", line).hasSize(1);
    }
}
