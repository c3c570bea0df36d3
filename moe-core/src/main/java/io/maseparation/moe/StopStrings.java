package io.maseparation.moe;

import io.maseparation.files.ModelException;
import io.maseparation.files.Text;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Strings that end a text where they first appear, whatever tokens they are made of. One that is a special token, which
 * no text shows, ends it at that token.
 */
public final class StopStrings {
    private final Tokenizer tokenizer;
    private final List<String> strings = new ArrayList<>();
    private final Set<Integer> special;

    /**
     * Strings to look for.
     *
     * @param tokenizer of the model
     * @param strings what ends a text; an empty one does not count
     * @throws ModelException if one has a special token and something else: no text shows it
     */
    public StopStrings(Tokenizer tokenizer, List<String> strings) {
        this.tokenizer = tokenizer;
        strings.stream().filter(s -> !s.isEmpty()).forEach(this.strings::add);
        special = this.strings.stream().flatMap(string -> special(string).stream()).collect(Collectors.toSet());
    }

    /** The special token that a stop string is. */
    private Optional<Integer> special(String string) {
        int[] ids = tokenizer.encodePlain(string);
        if (ids.length == 1 && tokenizer.decode(ids).isEmpty()) {
            return Optional.of(ids[0]);
        }
        tokenizer.specialIn(string).ifPresent(token -> {
            throw new ModelException(
                    "stop string %s has the special token %s, which no text shows: give that alone, or leave it out"
                            .formatted(Text.printable(string), Text.printable(token)));
        });
        return Optional.empty();
    }

    /** Whether a token is a stop string of its own, which no text shows. */
    boolean isSpecial(int token) {
        return special.contains(token);
    }

    /** Where the first stop string of a text is; −1 if there is none. */
    int find(String text) {
        return strings.stream().mapToInt(text::indexOf).filter(i -> i >= 0).min().orElse(-1);
    }

    /** Length of the longest end of a text that a stop string begins with. */
    int beginning(CharSequence text) {
        int longest = 0;
        for (String string : strings) {
            for (int length = Math.min(string.length() - 1, text.length()); length > longest; length--) {
                if (string.startsWith(text.subSequence(text.length() - length, text.length()).toString())) {
                    longest = length;
                }
            }
        }
        return longest;
    }

    /**
     * {@return how many tokens there are up to the one that completes a stop string; -1 if there is no stop string}
     *
     * @param tokens what was generated so far
     */
    public int tokens(List<Integer> tokens) {
        for (int i = 0; i < tokens.size(); i++) {
            if (special.contains(tokens.get(i))) {
                int before = within(tokens.subList(0, i));
                return before < 0 ? i + 1 : before;
            }
        }
        return within(tokens);
    }

    private int within(List<Integer> tokens) {
        if (!found(tokens, tokens.size())) {
            return -1;
        }
        int without = 0;
        int with = tokens.size();
        while (with - without > 1) {
            int middle = (without + with) / 2;
            boolean found = found(tokens, middle);
            without = found ? without : middle;
            with = found ? middle : with;
        }
        return with;
    }

    private boolean found(List<Integer> tokens, int count) {
        String text = tokenizer.decode(tokens.stream().limit(count).mapToInt(t -> t).toArray());
        return strings.stream().anyMatch(text::contains);
    }

    /**
     * {@return a text up to the first stop string}
     *
     * @param text what was generated
     */
    public String cut(String text) {
        int end = find(text);
        return end < 0 ? text : text.substring(0, end);
    }
}
