package io.maseparation.parallel.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NativeOutputTest {
    @TempDir
    Path temp;

    @Test
    void whatIsWrittenArrives() throws Throwable {
        Path file = Files.writeString(temp.resolve("out"), "");
        byte[] bytes = new byte[300_000];
        new Random(1).nextBytes(bytes);
        NativeOutput out = new NativeOutput(opened(file, 1));
        out.write(bytes, 0, 5);
        out.write(bytes[5]);
        out.write(bytes, 6, 0);
        out.write(bytes, 6, bytes.length - 6);
        assertThat(Files.readAllBytes(file)).isEqualTo(bytes);
    }

    @Test
    void whatCannotBeWrittenIsAnError() throws Throwable {
        Path file = Files.writeString(temp.resolve("in"), "");
        NativeOutput out = new NativeOutput(opened(file, 0));
        assertThatThrownBy(() -> out.write(1)).isInstanceOf(IOException.class).hasMessageContaining("error 9");
    }

    /** A descriptor of a file, for reading (0) or writing (1). */
    @SuppressWarnings("restricted")
    private static int opened(Path file, int mode) throws Throwable {
        Linker linker = Linker.nativeLinker();
        try (Arena arena = Arena.ofConfined()) {
            return (int) linker.downcallHandle(
                    linker.defaultLookup().find("open").orElseThrow(),
                    FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_INT))
                    .invokeExact(arena.allocateFrom(file.toString()), mode);
        }
    }
}
