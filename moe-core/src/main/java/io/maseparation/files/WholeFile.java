package io.maseparation.files;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/**
 * Writes a text file that appears whole or not at all: what is written goes to a file beside it, which takes its name
 * at the end.
 */
public final class WholeFile {
    /** Writes the content. */
    @FunctionalInterface
    public interface Content {
        /**
         * Writes to a buffered writer, which need not be closed.
         *
         * @param writer where to write
         * @throws IOException if it cannot be written
         */
        void write(Writer writer) throws IOException;
    }

    private WholeFile() {}

    /**
     * Writes a file in UTF-8, and makes the folders above it; an existing file is replaced.
     *
     * @param file where
     * @param content what
     * @throws UncheckedIOException if it cannot be written; it names the file
     */
    public static void write(Path file, Content content) {
        try {
            Path folder = file.toAbsolutePath().getParent();
            if (folder == null || Files.isDirectory(file)) {
                throw new IOException("it is a folder");
            }
            Files.createDirectories(folder);
            Path beside = beside(file, folder);
            try {
                try (Writer writer = Files.newBufferedWriter(beside, StandardCharsets.UTF_8)) {
                    content.write(writer);
                }
                move(beside, file);
            } finally {
                Files.deleteIfExists(beside);
            }
        } catch (IOException e) {
            throw cannotBeWritten(file, e);
        }
    }

    /**
     * Finds out whether a file can be written, before the work whose results it is for. A folder that is not there is
     * not made.
     *
     * @param file where
     * @throws UncheckedIOException if it cannot be written; it names the file
     */
    public static void check(Path file) {
        Path folder = file.toAbsolutePath().getParent();
        try {
            if (folder != null && Files.isDirectory(folder)) {
                Files.deleteIfExists(Files.createFile(beside(file, folder)));
            }
        } catch (IOException e) {
            throw cannotBeWritten(file, e);
        }
    }

    private static Path beside(Path file, Path folder) {
        return folder.resolve(".%s.%d.part".formatted(file.getFileName(), ProcessHandle.current().pid()));
    }

    private static UncheckedIOException cannotBeWritten(Path file, IOException e) {
        return new UncheckedIOException(
                new IOException("%s cannot be written: %s".formatted(Text.printable(file), Text.reason(e)), e));
    }

    /**
     * Writes a file.
     *
     * @param file where
     * @param text what
     * @throws UncheckedIOException if it cannot be written; it names the file
     */
    public static void write(Path file, String text) {
        write(file, writer -> writer.write(text));
    }

    private static void move(Path from, Path to) throws IOException {
        try {
            Files.move(from, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (AtomicMoveNotSupportedException e) {
            Files.move(from, to, StandardCopyOption.REPLACE_EXISTING);
        }
    }
}
