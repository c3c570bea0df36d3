package io.maseparation.files;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.MalformedInputException;

/**
 * The bytes of a text in UTF-8 without the character 0, which is in no JSON and in no text but one in UTF-16 or UTF-32;
 * of anything else, an error instead of its first byte that is wrong. JSON is UTF-8 (RFC 8259), but its parser would
 * take those, too, and does not look at every byte.
 */
public final class Utf8Stream extends FilterInputStream {
    /** The character 0 was met. */
    static final class ZeroException extends CharacterCodingException {
        private static final long serialVersionUID = 1L;
    }

    /** Bytes of the present character that are to come. */
    private int left;

    private int least = 0x80;
    private int most = 0xBF;

    /**
     * A stream that checks another.
     *
     * @param in the text's bytes; closed with this
     */
    public Utf8Stream(InputStream in) {
        super(in);
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
    }

    @Override
    public int read(byte[] bytes, int from, int length) throws IOException {
        int read = super.read(bytes, from, length);
        if (read < 0 && left > 0) {
            throw new MalformedInputException(1);
        }
        for (int i = from; i < from + read; i++) {
            check(bytes[i] & 0xFF);
        }
        return read;
    }

    private void check(int b) throws CharacterCodingException {
        boolean first = left == 0;
        if (b == 0 && first) {
            throw new ZeroException();
        }
        if (first ? b >= 0x80 && (b < 0xC2 || b > 0xF4) : b < least || b > most) {
            throw new MalformedInputException(1);
        }
        left = !first ? left - 1 : b < 0x80 ? 0 : b < 0xE0 ? 1 : b < 0xF0 ? 2 : 3;
        // Longer forms than needed, halves of surrogate pairs, and what is above U+10FFFF.
        least = b == 0xE0 && first ? 0xA0 : b == 0xF0 && first ? 0x90 : 0x80;
        most = b == 0xED && first ? 0x9F : b == 0xF4 && first ? 0x8F : 0xBF;
    }

    @Override
    public long skip(long n) throws IOException {
        return readNBytes((int) Math.min(n, 8192)).length;
    }

    @Override
    public boolean markSupported() {
        return false;
    }
}
