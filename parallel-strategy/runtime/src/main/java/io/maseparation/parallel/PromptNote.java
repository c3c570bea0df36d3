package io.maseparation.parallel;

import io.maseparation.parallel.run.RunFailedException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** Prompts as the leader of a job tells them to the other processes: how many, and each with its length before it. */
final class PromptNote {
    private PromptNote() {}

    static byte[] write(List<int[]> prompts) {
        int words = 1 + prompts.stream().mapToInt(prompt -> 1 + prompt.length).sum();
        ByteBuffer note = ByteBuffer.allocate(Math.multiplyExact(words, Integer.BYTES));
        note.putInt(prompts.size());
        for (int[] prompt : prompts) {
            note.putInt(prompt.length);
            for (int token : prompt) {
                note.putInt(token);
            }
        }
        return note.array();
    }

    /** @throws RunFailedException if it is no such note */
    static List<int[]> read(byte[] note) {
        ByteBuffer words = ByteBuffer.wrap(note);
        List<int[]> prompts = new ArrayList<>();
        for (int i = count(words); i > 0; i--) {
            int[] prompt = new int[count(words)];
            for (int j = 0; j < prompt.length; j++) {
                prompt[j] = words.getInt();
            }
            prompts.add(prompt);
        }
        if (words.hasRemaining()) {
            throw new RunFailedException("rank 0 sent prompts with %d bytes after them".formatted(words.remaining()),
                    null);
        }
        return prompts;
    }

    private static int count(ByteBuffer words) {
        int count = words.remaining() < Integer.BYTES ? -1 : words.getInt();
        if (count < 0 || count > words.remaining() / Integer.BYTES) {
            throw new RunFailedException("rank 0 sent prompts that are longer than their note", null);
        }
        return count;
    }
}
