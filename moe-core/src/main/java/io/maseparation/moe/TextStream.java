package io.maseparation.moe;

import java.util.Optional;

/**
 * The text of one answer as its tokens come, up to the first stop string. All that is given, put together, is the text
 * of the tokens up to there: what may turn out to be the beginning of a stop string is held back, as are parts of
 * characters. Not for use by several threads.
 */
public final class TextStream {
    /** Tokens held back up to which they are searched for stop strings. */
    private static final int MOST_SEARCHED = 64;

    private final IncrementalDecoder decoder;
    private final Optional<StopStrings> stops;
    /** Text that may be the beginning of a stop string. */
    private final StringBuilder held = new StringBuilder();
    private boolean stopped;

    /**
     * No tokens yet.
     *
     * @param tokenizer of the model
     * @param stops strings that end the text, if there are any
     */
    public TextStream(Tokenizer tokenizer, Optional<StopStrings> stops) {
        decoder = new IncrementalDecoder(tokenizer);
        this.stops = stops;
    }

    /**
     * {@return the text that is certain with a further token; empty once it has stopped}
     *
     * @param token the token
     */
    public String add(int token) {
        if (stopped) {
            return "";
        }
        String further = decoder.add(token);
        if (stops.isEmpty()) {
            return further;
        }
        if (stops.get().isSpecial(token)) {
            return end(further + decoder.rest());
        }
        held.append(further);
        String text = held.toString();
        int searched = text.length();
        if (decoder.held() > 0 && decoder.held() <= MOST_SEARCHED) {
            text += decoder.likely();
        }
        int at = stops.get().find(text);
        if (at >= 0) {
            stopped = true;
            held.setLength(0);
            return text.substring(0, at);
        }
        int kept = stops.get().beginning(held);
        held.delete(0, searched - kept);
        return text.substring(0, searched - kept);
    }

    /** The text ends with what is held back and this. */
    private String end(String further) {
        stopped = true;
        String text = held + further;
        held.setLength(0);
        return stops.map(s -> s.cut(text)).orElse(text);
    }

    /** {@return whether the last token completed a stop string} */
    public boolean stopped() {
        return stopped;
    }

    /** {@return the text that is held back, when no token follows; nothing is given after it} */
    public String end() {
        return stopped ? "" : end(decoder.rest());
    }
}
