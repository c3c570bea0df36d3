package io.maseparation.moe;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Base64;
import java.util.BitSet;
import java.util.Deque;

/**
 * SentencePiece's table of normalised texts ({@code precompiled_charsmap}): the bytes of a double-array trie, counted
 * by the four before it, then the texts, each with a zero behind it, which the trie's leaves point at. Whoever walks it
 * trusts its indices.
 */
final class CharsMap {
    private static final int MOST_UNITS = 1 << 20;

    private CharsMap() {}

    /** Whether every walk through the table ends within it. */
    static boolean isValid(String base64) {
        try {
            ByteBuffer bytes = ByteBuffer.wrap(Base64.getDecoder().decode(base64)).order(ByteOrder.LITTLE_ENDIAN);
            if (bytes.remaining() < Integer.BYTES) {
                return false;
            }
            int size = bytes.getInt();
            if (size <= 0 || size % Integer.BYTES != 0 || size / Integer.BYTES > MOST_UNITS
                    || size > bytes.remaining()) {
                return false;
            }
            int[] units = new int[size / Integer.BYTES];
            bytes.asIntBuffer().get(units);
            ByteBuffer texts = bytes.slice(bytes.position() + size, bytes.remaining() - size);
            // For its exception: the library takes the texts for UTF-8.
            StandardCharsets.UTF_8.newDecoder().decode(texts.duplicate());
            return walksEnd(units, texts);
        } catch (IllegalArgumentException | CharacterCodingException e) {
            return false;
        }
    }

    private static boolean walksEnd(int[] units, ByteBuffer texts) {
        BitSet seen = new BitSet();
        Deque<Integer> bases = new ArrayDeque<>();
        bases.add(offset(units[0]));
        while (!bases.isEmpty()) {
            int base = bases.remove();
            if (base >= units.length) {
                return false;
            }
            if (seen.get(base)) {
                continue;
            }
            seen.set(base);
            // A text may go on with any byte but 0, so each of them is looked up.
            for (int next = 1; next < 256; next++) {
                int node = base ^ next;
                if (node >= units.length) {
                    return false;
                }
                int unit = units[node];
                if ((unit & 0x8000_00FF) == next) {
                    int below = node ^ offset(unit);
                    boolean leaf = ((unit >>> 8) & 1) == 1;
                    if (leaf && (below >= units.length || !isText(units[below] & Integer.MAX_VALUE, texts))) {
                        return false;
                    }
                    bases.add(below);
                }
            }
        }
        return true;
    }

    private static int offset(int unit) {
        return (unit >>> 10) << ((unit & (1 << 9)) >>> 6);
    }

    /** Whether a text may begin there: not in the midst of a character. */
    private static boolean isText(int at, ByteBuffer texts) {
        return at <= texts.capacity() && (at == texts.capacity() || (texts.get(at) & 0xC0) != 0x80);
    }
}
