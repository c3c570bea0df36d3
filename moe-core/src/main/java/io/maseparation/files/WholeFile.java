package io.maseparation.files;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFileAttributeView;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

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

    private static final int MOST_LINKS = 40;

    private WholeFile() {}

    /**
     * Writes a file in UTF-8, and makes the folders above it; an existing file is replaced, also where a link leads to
     * it, and who may read and write it stays.
     *
     * @param file where
     * @param content what
     * @throws UncheckedIOException if it cannot be written; it names the file
     */
    public static void write(Path file, Content content) {
        try {
            if (Files.isDirectory(file)) {
                throw new IOException("it is a folder");
            }
            if (isDevice(file)) {
                to(file, content);
                return;
            }
            Path target = target(file);
            requireWritable(target);
            Files.createDirectories(above(target));
            Path beside = beside(target);
            try {
                to(beside, writer -> {
                    keepPermissions(target, beside);
                    content.write(writer);
                });
                move(beside, target);
            } finally {
                Files.deleteIfExists(beside);
            }
        } catch (IOException e) {
            throw cannotBeWritten(file, e);
        }
    }

    /** Only the folder's permissions count for the name of a file; but a file that is not to be changed stays. */
    private static void requireWritable(Path file) throws IOException {
        if (Files.exists(file) && !Files.isWritable(file)) {
            throw new AccessDeniedException(file.toString());
        }
    }

    private static void keepPermissions(Path from, Path to) throws IOException {
        PosixFileAttributeView view = Files.getFileAttributeView(from, PosixFileAttributeView.class);
        if (view != null && Files.exists(from)) {
            Files.setPosixFilePermissions(to, view.readAttributes().permissions());
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
     * Where links lead, the last of which may lead to nothing yet.
     *
     * @throws IOException if they lead in circles, or to what the process has open as standard output or error: what is
     *     printed there and what is written here would go over each other
     */
    private static Path target(Path file) throws IOException {
        Path target = file.toAbsolutePath();
        for (int links = 0; Files.isSymbolicLink(target); links++) {
            if (links == MOST_LINKS) {
                throw new IOException("links lead in circles");
            }
            if (target.startsWith("/dev") || target.startsWith("/proc")) {
                throw new IOException("it leads to a file that is open already: name that file, or leave this out");
            }
            target = above(target).resolve(Files.readSymbolicLink(target));
        }
        return target;
    }

    private static Path above(Path file) throws IOException {
        Path folder = file.getParent();
        if (folder == null) {
            throw new IOException("it is a folder");
        }
        return folder;
    }

    /**
     * Finds out whether a file can be written, before the work whose results it is for. Nothing that others could see
     * takes its name, or that of a folder that is not there yet.
     *
     * @param file where
     * @throws UncheckedIOException if it cannot be written; it names the file
     */
    public static void check(Path file) {
        try {
            if (Files.isDirectory(file)) {
                throw new IOException("it is a folder");
            }
            if (isDevice(file)) {
                if (!Files.isWritable(file)) {
                    throw new AccessDeniedException(file.toString());
                }
                return;
            }
            Path target = target(file);
            requireWritable(target);
            Path folder = above(target);
            Deque<Path> names = new ArrayDeque<>(List.of(beside(target).getFileName(), target.getFileName()));
            while (!Files.isDirectory(folder)) {
                if (Files.exists(folder)) {
                    throw new FileAlreadyExistsException(folder.toString());
                }
                names.add(folder.getFileName());
                folder = above(folder);
            }
            for (Path name : names) {
                requirePossible(folder.resolve(name));
            }
            Files.delete(Files.createTempFile(folder, ".", ".part"));
        } catch (IOException e) {
            throw cannotBeWritten(file, e);
        }
    }

    /** A name that is too long for the system, say, is found by asking for it. */
    private static void requirePossible(Path path) throws IOException {
        try {
            Files.readAttributes(path, BasicFileAttributes.class);
        } catch (NoSuchFileException _) {
            // It is not there, and could be.
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
