package io.maseparation.moe;

import java.util.Arrays;

/**
 * Turns tokens into text as they come. What it has given so far is always the beginning of what
 * {@link Tokenizer#decode} makes of all tokens: half of a character is held back, and so are bytes that stand for
 * themselves until a token comes that does not. The cost of a token does not grow with the number of those before.
 *
 * <p>A token's text may depend on the one before (whether there is a space between them), so a few are decoded once
 * more each time, and what they gave then is left out. Not for use by several threads.
 */
public final class IncrementalDecoder {
    /** What a decoder puts where bytes are no character, or not yet. */
    private static final String REPLACEMENT = "\uFFFD";

    /** Tokens held back up to which every further one is a reason to look. */
    private static final int FEW = 8;

    private final Tokenizer tokenizer;
    /** The tokens whose text was given last, then those that are held back. */
    private int[] window = new int[16];
    private int count;
    /** Number of the former. */
    private int given;
    /** Text of the former, in front of nothing else. */
    private String before = "";
    private int nextLook;
    /** Whether the last token that shows stands for a byte. */
    private boolean inBytes;

    /**
     * No tokens yet.
     *
     * @param tokenizer of the model
     */
    public IncrementalDecoder(Tokenizer tokenizer) {
        this.tokenizer = tokenizer;
    }

    /**
     * {@return the text that is certain with a further token; often that of the token, and empty where it is only half
     * a character}
     *
     * @param token the token
     * @throws io.maseparation.files.ModelException if the tokenizer cannot be used
     */
    public String add(int token) {
        if (count == window.length) {
            window = Arrays.copyOf(window, 2 * count);
        }
        window[count++] = token;
        int held = count - given;
        // A special token between two bytes, which no text shows, does not part them.
        inBytes = tokenizer.isByte(token) || (inBytes && tokenizer.decode(new int[] {token}).isEmpty());
        if (held < nextLook || inBytes) {
            return "";
        }
        String text = text();
        if (text.length() <= before.length() || text.endsWith(REPLACEMENT)) {
            // Nonsense may go on for long, so the looks at it become rarer.
            nextLook = held < FEW ? held + 1 : held + held / 4;
            return "";
        }
        String further = text.substring(before.length());
        window = Arrays.copyOfRange(window, given, given + Math.max(16, held));
        count = held;
        given = held;
        before = text();
        nextLook = 1;
        return further;
    }

    private String text() {
        return tokenizer.decode(Arrays.copyOf(window, count));
    }

    /** Tokens that are held back. */
    int held() {
        return count - given;
    }

    /** The text that is held back, without what may be half a character. */
    String likely() {
        String rest = rest();
        int end = rest.length();
        while (end > 0 && rest.startsWith(REPLACEMENT, end - 1)) {
            end--;
        }
        return rest.substring(0, end);
    }

    /** {@return the text that is held back, as it is if no token follows} */
    public String rest() {
        if (count == given) {
            return "";
        }
        String text = text();
        return text.length() <= before.length() ? "" : text.substring(before.length());
    }
}
