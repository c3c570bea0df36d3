package io.maseparation.files;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Writes a text file that appears whole or not at all: what is written goes to a file beside it, which takes its name
 * at the end. A pipe or a device has no such moment, and stays what it is: it is written to as it comes.
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
     * Writes a file in UTF-8, and makes the folders above it; an existing file is replaced, also where a link leads to
     * it.
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
            if (isDevice(file)) {
                to(file, content);
                return;
            }
            Files.createDirectories(folder);
            Path target = Files.isRegularFile(file) ? file.toRealPath() : file;
            Path beside = beside(target);
            try {
                to(beside, content);
                move(beside, target);
            } finally {
                Files.deleteIfExists(beside);
            }
        } catch (IOException e) {
            throw cannotBeWritten(file, e);
        }
    }

    private static boolean isDevice(Path file) {
        return Files.exists(file) && !Files.isRegularFile(file);
    }

    private static void to(Path file, Content content) throws IOException {
        try (Writer writer = Files.newBufferedWriter(file, StandardCharsets.UTF_8)) {
            content.write(writer);
        }
    }

    /**
     * Finds out whether a file can be written, before the work whose results it is for. Folders that are not there are
     * made, and taken away again.
     *
     * @param file where
     * @throws UncheckedIOException if it cannot be written; it names the file
     */
    public static void check(Path file) {
        Deque<Path> made = new ArrayDeque<>();
        try {
            Path absolute = file.toAbsolutePath();
            if (Files.isDirectory(absolute)) {
                throw new IOException("it is a folder");
            }
            Deque<Path> missing = new ArrayDeque<>();
            for (Path above = absolute.getParent(); above != null && !Files.isDirectory(above); above =
                    above.getParent()) {
                missing.push(above);
            }
            for (Path folder : missing) {
                made.push(Files.createDirectory(folder));
            }
            if (!isDevice(file)) {
                made.push(Files.createFile(beside(Files.isRegularFile(file) ? file.toRealPath() : absolute)));
            } else if (!Files.isWritable(file)) {
                throw new AccessDeniedException(file.toString());
            }
        } catch (IOException e) {
            throw cannotBeWritten(file, e);
        } finally {
            made.forEach(WholeFile::delete);
        }
    }

    private static void delete(Path made) {
        try {
            Files.deleteIfExists(made);
        } catch (IOException _) {
            // Somebody put something into it meanwhile, or it is gone.
        }
    }

    private static Path beside(Path file) {
        return file.resolveSibling(".%s.%d.part".formatted(file.getFileName(), ProcessHandle.current().pid()));
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
