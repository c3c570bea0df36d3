package io.maseparation.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.FileOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WholeFileTest {
    @TempDir
    Path temp;

    private List<Path> all() throws IOException {
        try (var files = Files.walk(temp)) {
            return files.filter(f -> !f.equals(temp)).map(temp::relativize).sorted().toList();
        }
    }

    /** What the check lets through is written, and what it refuses is not; it leaves nothing behind. */
    @Test
    void whatIsCheckedIsWhatHappens() throws IOException {
        Path file = Files.writeString(temp.resolve("file"), "old");
        Files.createDirectory(temp.resolve("folder"));
        List<Path> before = all();
        for (Path name : List.of(file, temp.resolve("new"), temp.resolve("a/b/c"), temp.resolve("folder/x"))) {
            WholeFile.check(name);
            assertThat(all()).as("%s", name).isEqualTo(before);
            assertThat(file).hasContent("old");
        }
        for (Path name : List.of(temp.resolve("folder"), file.resolve("below"), temp.resolve("n".repeat(300)),
                temp.resolve("n".repeat(300)).resolve("x"), temp.resolve("a/b").resolve("n".repeat(300)).resolve("x"),
                Path.of("/proc/no/such"), Path.of("/"))) {
            for (Runnable attempt : List.<Runnable>of(() -> WholeFile.check(name), () -> WholeFile.write(name, "x"))) {
                assertThatThrownBy(attempt::run).as("%s", name).isInstanceOf(UncheckedIOException.class)
                        .hasMessageContaining("cannot be written: ");
            }
        }
        for (Path name : List.of(file, temp.resolve("new"), temp.resolve("a/b/c"), temp.resolve("folder/x"))) {
            WholeFile.write(name, "ü");
            assertThat(name).hasContent("ü");
        }
    }

    @Test
    void aLinkStaysAndWhatItLeadsToIsWritten() throws IOException {
        Path file = Files.writeString(temp.resolve("file"), "old");
        Path link = Files.createSymbolicLink(temp.resolve("link"), file);
        WholeFile.check(link);
        WholeFile.write(link, "new");
        assertThat(link).isSymbolicLink();
        assertThat(file).hasContent("new");
        assertThat(all()).hasSize(2);
    }

    @Test
    void whoMayReadAndWriteAFileStays() throws IOException {
        assumeTrue(Files.getFileStore(temp).supportsFileAttributeView("posix"), "there are no permissions");
        for (String mode : List.of("rw-------", "rw-rw-rw-", "rwxr-x--x")) {
            Path file = Files.writeString(temp.resolve(mode), "old");
            Files.setPosixFilePermissions(file, PosixFilePermissions.fromString(mode));
            Path link = Files.createSymbolicLink(temp.resolve("to " + mode), Path.of(mode));
            for (Path name : List.of(file, link)) {
                WholeFile.write(name, writer -> {
                    try (Stream<Path> parts = Files.list(temp)) {
                        assertThat(parts.filter(f -> f.toString().endsWith(".part"))).as("while it is written")
                                .hasSize(1)
                                .allMatch(f -> permissions(f).equals(mode));
                    }
                    writer.write("new");
                });
                assertThat(file).hasContent("new");
                assertThat(permissions(file)).isEqualTo(mode);
            }
        }
        Path plain = Files.writeString(temp.resolve("plain"), "x");
        WholeFile.write(temp.resolve("other"), "x");
        assertThat(permissions(temp.resolve("other"))).as("a new file").isEqualTo(permissions(plain));
    }

    private static String permissions(Path file) {
        try {
            return PosixFilePermissions.toString(Files.getPosixFilePermissions(file));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A process of the superuser may write all. */
    @Test
    void aFileThatIsNotToBeWrittenStays() throws IOException {
        Path file = Files.writeString(temp.resolve("file"), "old");
        assumeTrue(file.toFile().setReadOnly() && !Files.isWritable(file), "everything can be written");
        assertRefused(file, "no permission for " + file);
        assertThat(file).hasContent("old");
    }

    @Test
    void aLinkToNothingStaysAndWhatItLeadsToIsMade() throws IOException {
        Path link = Files.createSymbolicLink(temp.resolve("link"), Path.of("folder/file"));
        WholeFile.check(link);
        WholeFile.write(link, "new");
        assertThat(link).isSymbolicLink();
        assertThat(temp.resolve("folder/file")).hasContent("new");

        Path circle = Files.createSymbolicLink(temp.resolve("circle"), Path.of("circle"));
        assertRefused(circle, "links lead in circles");
    }

    /** As /dev/stdout is where it goes to a file: its name must not go to another file. */
    @Test
    void whatTheProcessHasOpenIsRefused() throws IOException {
        Path file = Files.writeString(temp.resolve("file"), "old");
        try (FileOutputStream open = new FileOutputStream(file.toFile(), true)) {
            assumeTrue(Files.isDirectory(Path.of("/proc/self/fd")), "there is no /proc");
            Path descriptor = temp;
            try (Stream<Path> all = Files.list(Path.of("/proc/self/fd"))) {
                for (Path one : all.toList()) {
                    descriptor =
                            Files.isRegularFile(one) && one.toRealPath().equals(file.toRealPath()) ? one : descriptor;
                }
            }
            assertThat(descriptor).isNotEqualTo(temp);
            assertRefused(descriptor, "is open already");
            assertRefused(Files.createSymbolicLink(temp.resolve("link"), descriptor), "is open already");
            open.write('!');
        }
        assertThat(file).hasContent("old!");
    }

    /** One that was killed while it wrote leaves this behind, and another may have its number. */
    @Test
    void whatAnotherLeftBehindIsInNobodysWay() throws IOException {
        Path file = temp.resolve("file");
        Files.writeString(temp.resolve(".file.%d.part".formatted(ProcessHandle.current().pid())), "half");
        WholeFile.check(file);
        WholeFile.write(file, "whole");
        assertThat(file).hasContent("whole");
        assertThat(all()).hasSize(1);
    }

    private static void assertRefused(Path file, String why) {
        for (Runnable attempt : List.<Runnable>of(() -> WholeFile.check(file), () -> WholeFile.write(file, "x"))) {
            assertThatThrownBy(attempt::run).isInstanceOf(UncheckedIOException.class)
                    .hasMessageContaining("cannot be written: ")
                    .hasMessageContaining(why);
        }
    }

    /** /dev/null is of this kind: nothing may take its name. */
    @Test
    void aPipeStaysAndIsWrittenTo() throws Exception {
        Path pipe = temp.resolve("pipe");
        assumeTrue(made(pipe), "there is no mkfifo");
        WholeFile.check(pipe);
        Callable<String> reader = () -> Files.readString(pipe);
        FutureTask<String> read = new FutureTask<>(reader);
        Thread.ofPlatform().daemon().start(read);
        WholeFile.write(pipe, "through");
        assertThat(read.get(20, TimeUnit.SECONDS)).isEqualTo("through");
        assertThat(Files.isRegularFile(pipe)).isFalse();
        assertThat(all()).hasSize(1);
    }

    private static boolean made(Path pipe) throws InterruptedException {
        try {
            return new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor() == 0;
        } catch (IOException _) {
            return false;
        }
    }
}
