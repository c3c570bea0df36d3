package io.maseparation.parallel.cublas;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.maseparation.parallel.run.RunFailedException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What can be seen of it without a GPU. */
class CublasTest {
    @Test
    void aLibraryThatIsNotThereIsNamed() {
        assertThatThrownBy(() -> Cublas.open("/no/such/libcublas.so.13"))
                .isInstanceOf(RunFailedException.class)
                .hasMessage("no cuBLAS: /no/such/libcublas.so.13 cannot be loaded; install it, or name its file with"
                        + " MA_JAVA_OPTS=-Dma.cublas=PATH");
    }

    @Test
    void anotherLibraryIsRefused() {
        Path another = Path.of(System.getProperty("java.home"), "lib", System.mapLibraryName("zip"));
        assertThatThrownBy(() -> Cublas.open(another.toString()))
                .isInstanceOf(RunFailedException.class)
                .hasMessageStartingWith("no cuBLAS: the library that was found has no cublasSetStream_v2");
    }

    @Test
    void theLinkersComesFirstAndThenTheLatestToolkits(@TempDir Path folder) throws IOException {
        for (String file : new String[] {"cuda-12.8/lib64/libcublas.so.12", "cuda-13.0/lib64/libcublas.so.13",
            "cuda-12.9/lib64/libcublas.so.12", "cuda-13.1/lib64/libother.so", "other/lib64/libcublas.so.13"}) {
            Files.createDirectories(folder.resolve(file).getParent());
            Files.createFile(folder.resolve(file));
        }
        assertThat(Cublas.usual(folder)).containsExactly(
                "libcublas.so.13",
                "libcublas.so.12",
                folder.resolve("cuda-13.0/lib64/libcublas.so.13").toString(),
                folder.resolve("cuda-12.9/lib64/libcublas.so.12").toString(),
                folder.resolve("cuda-12.8/lib64/libcublas.so.12").toString());
        assertThat(Cublas.usual(folder.resolve("nothing"))).containsExactly("libcublas.so.13", "libcublas.so.12");
    }
}
