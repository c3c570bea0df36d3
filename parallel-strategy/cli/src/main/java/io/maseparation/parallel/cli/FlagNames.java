package io.maseparation.parallel.cli;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.apache.commons.cli.Option;
import org.jspecify.annotations.Nullable;

/**
 * Turns the names of parameters into those of options. The library writes a parameter's name in single quotes and with
 * underscores, such as 'attention_devices', which is --attention-devices here. It also quotes what somebody wrote, such
 * as the name of a model, and always says what that is: "model 'batch' is neither a folder nor a preset". It never says
 * what a parameter "is", only what it must be or what to do with it.
 */
final class FlagNames {
    private static final Pattern PARAMETER = Pattern.compile("'([a-z][a-z0-9_]*)'(?! is )");

    /** Parameters whose options are called otherwise, as llama-bench calls them. */
    private static final Map<String, String> OTHERWISE = Map.of("depth", "n-depth");

    private FlagNames() {}

    /** The option, without the dashes before it, that a parameter is given by. */
    static String option(String parameter) {
        return OTHERWISE.getOrDefault(parameter, parameter.replace('_', '-'));
    }

    /** A message of the library with options instead of parameters. Other quoted words stay. */
    static String translate(@Nullable String message) {
        return translate(message, Main.commands().stream()
                .flatMap(c -> names(c).stream())
                .collect(Collectors.toSet()));
    }

    /** The same with the options that a command line may have; a plan file's fields have the names of parameters. */
    static String translate(@Nullable String message, Command command, List<String> args) {
        Set<String> options = names(command);
        if (StrategyFlags.namesPlan(args)) {
            options.removeAll(StrategyFlags.layoutOptions());
        }
        return translate(message, options);
    }

    private static Set<String> names(Command command) {
        return command.options().getOptions().stream().map(Option::getLongOpt).collect(Collectors.toSet());
    }

    private static String translate(@Nullable String message, Set<String> options) {
        return PARAMETER.matcher(String.valueOf(message)).replaceAll(quoted -> {
            String option = option(quoted.group(1));
            return Matcher.quoteReplacement(options.contains(option) ? "--" + option : quoted.group());
        });
    }
}
