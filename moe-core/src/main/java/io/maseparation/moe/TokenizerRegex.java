package io.maseparation.moe;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * A regular expression of a tokenizer.json. The native library tries one way to match after another, and ends the
 * process after ten million of them at one place of a text. So expressions that can take exponentially many are refused
 * when the file is read, and texts for which an expression takes too many before they are handed on.
 */
final class TokenizerRegex {
    private static final int LONGEST = 1000;
    /** A number of repetitions of five digits or more. */
    private static final Pattern MANY_TIMES = Pattern.compile("\\{\\d*,?\\d{5,}");
    /** How often something may be there, and whether greedily. */
    private static final Pattern TIMES = Pattern.compile("(?:[*+?]|\\{(\\d*)(,\\d*)?})[?+]?");

    /** Calls of groups and other things that are programs of their own. */
    private static final Pattern CALL = Pattern.compile("\\\\[gG][<']|\\(\\?[~({@R&?]|\\(\\*");

    private static final Pattern SCRIPT = Pattern.compile("\\\\p\\{([A-Z][a-z]{2,})}");
    /** Texts that end with characters of every kind, for patterns that match nothing at their end. */
    private static final List<String> PROBES =
            List.of("", "a", "aa", "A b ", " a", "1", "a1", "-", "a.", "\n", "a\n", "▁a", "中", "é", "_");

    /** Most characters that are looked at for a match at one place, and for all of them beside a share of the text. */
    private static final int MOST_LOOKS = 8_000_000;

    private static final int LOOKS_PER_CHARACTER = 50;

    /** Repetitions of a group up to which what is in it may match in several ways. */
    private static final int FEW = 3;

    private final String regex;

    TokenizerRegex(String regex) {
        this.regex = regex;
    }

    /** What keeps it from being used on any text; empty if nothing does. */
    String wrong() {
        if (regex.length() > LONGEST || MANY_TIMES.matcher(regex).find()) {
            return "is longer than %d characters, or repeats something more than 9999 times".formatted(LONGEST);
        }
        if (CALL.matcher(regex).find() || repeatsWhatVaries()) {
            return "repeats what may match in several ways, which can take for ever";
        }
        try {
            pattern();
            return "";
        } catch (PatternSyntaxException | StackOverflowError e) {
            return "is not a regular expression that can be checked here";
        }
    }

    private Pattern pattern() {
        // Scripts are \p{Han} to the native library and \p{IsHan} to Java.
        String scripts = SCRIPT.matcher(regex).replaceAll("\\\\p{Is$1}");
        try {
            return Pattern.compile(scripts, Pattern.UNICODE_CHARACTER_CLASS);
        } catch (PatternSyntaxException e) {
            return Pattern.compile(regex, Pattern.UNICODE_CHARACTER_CLASS);
        }
    }

    /** Whether it matches no characters at all, at the end of a text or elsewhere. */
    boolean matchesNothing() {
        Pattern pattern = pattern();
        try {
            return PROBES.stream()
                    .anyMatch(text -> pattern.matcher(text).results().anyMatch(r -> r.start() == r.end()));
        } catch (StackOverflowError e) {
            return true;
        }
    }

    /** Whether finding all matches in a text takes more than the native library allows, or very long. */
    boolean takesLong(String text) {
        Counted counted = new Counted(text);
        Matcher matcher = pattern().matcher(counted).useAnchoringBounds(false).useTransparentBounds(true);
        long most = MOST_LOOKS + (long) LOOKS_PER_CHARACTER * text.length();
        try {
            for (int at = 0; at < text.length();) {
                counted.left = (int) Math.min(MOST_LOOKS, most);
                int before = counted.left;
                at = matcher.region(at, text.length()).lookingAt() && matcher.end() > at ? matcher.end() : at + 1;
                most -= before - counted.left;
            }
            return false;
        } catch (Counted.EndException | StackOverflowError e) {
            return true;
        }
    }

    /** A text that can be looked at so often and not more. */
    private static final class Counted implements CharSequence {
        private final String text;
        private int left;

        private static final class EndException extends RuntimeException {
            private static final long serialVersionUID = 1L;

            EndException() {
                super("too many", null, false, false);
            }
        }

        Counted(String text) {
            this.text = text;
        }

        @Override
        public int length() {
            return text.length();
        }

        @Override
        public char charAt(int index) {
            if (--left < 0) {
                throw new EndException();
            }
            return text.charAt(index);
        }

        @Override
        public CharSequence subSequence(int start, int end) {
            return text.substring(start, end);
        }

        @Override
        public String toString() {
            return text;
        }
    }

    /**
     * Whether a group that has alternatives, or repeats something a varying number of times, is repeated itself: then
     * the number of ways to match can double with each character.
     */
    private boolean repeatsWhatVaries() {
        // For each open group and the whole, whether it varies.
        Deque<Boolean> open = new ArrayDeque<>(List.of(false));
        int i = 0;
        while (i < regex.length()) {
            char c = regex.charAt(i);
            boolean varies = false;
            boolean closed = c == ')' && open.size() > 1;
            switch (c) {
                case '\\' -> i = afterEscape(i);
                case '[' -> i = afterClass(i);
                case '(' -> {
                    open.push(false);
                    i = afterOpening(i);
                    continue;
                }
                case '|' -> {
                    open.pop();
                    open.push(true);
                    i++;
                    continue;
                }
                default -> i++;
            }
            if (closed) {
                varies = open.pop();
            }
            Matcher times = TIMES.matcher(regex).region(i, regex.length());
            if (times.lookingAt()) {
                if (varies && most(times) > FEW) {
                    return true;
                }
                varies |= times.group(1) == null || times.group(2) != null;
                i = times.end();
            }
            if (varies) {
                open.pop();
                open.push(true);
            }
        }
        return false;
    }

    private static int most(Matcher times) {
        if (times.group().startsWith("?")) {
            return 1;
        }
        // The second number of {n,m}, or the only one of {n}; without one there is no bound.
        String range = Objects.requireNonNullElse(times.group(2), "");
        String most = range.isEmpty() ? Objects.requireNonNullElse(times.group(1), "") : range.substring(1);
        return most.isEmpty() ? Integer.MAX_VALUE : Integer.parseInt(most);
    }

    private int afterEscape(int i) {
        int next = i + 2;
        boolean named = next < regex.length() && regex.charAt(next) == '{' && "pPxo".indexOf(regex.charAt(i + 1)) >= 0;
        int end = named ? regex.indexOf('}', next) : -1;
        return Math.min(end < 0 ? next : end + 1, regex.length());
    }

    private int afterClass(int i) {
        int depth = 0;
        while (i < regex.length()) {
            char c = regex.charAt(i);
            i += c == '\\' ? 2 : 1;
            depth += c == '[' ? 1 : c == ']' ? -1 : 0;
            if (depth == 0) {
                break;
            }
        }
        return Math.min(i, regex.length());
    }

    /** Behind what says of which kind a group is; a group of flags alone has its end there. */
    private int afterOpening(int i) {
        int next = i + 1;
        if (next < regex.length() && regex.charAt(next) == '?') {
            next++;
            while (next < regex.length() && ":=!>)".indexOf(regex.charAt(next)) < 0) {
                next++;
            }
            return next < regex.length() && regex.charAt(next) == ')' ? next : Math.min(next + 1, regex.length());
        }
        return next;
    }
}
