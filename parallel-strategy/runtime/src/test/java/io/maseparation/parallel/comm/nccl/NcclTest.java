package io.maseparation.parallel.comm.nccl;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.maseparation.parallel.run.RunFailedException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** What can be seen of it without a GPU. */
class NcclTest {
    @Test
    void aLibraryThatIsNotThereIsNamed() {
        assertThatThrownBy(() -> Nccl.load("/no/such/libnccl.so.2"))
                .isInstanceOf(RunFailedException.class)
                .hasMessage("no NCCL: /no/such/libnccl.so.2 cannot be loaded; install it, or name its file with"
                        + " MA_JAVA_OPTS=-Dma.nccl=PATH");
    }

    @Test
    void anotherLibraryIsRefused() {
        Path another = Path.of(System.getProperty("java.home"), "lib", System.mapLibraryName("zip"));
        assertThatThrownBy(() -> Nccl.load(another.toString()))
                .isInstanceOf(RunFailedException.class)
                .hasMessageStartingWith("no NCCL: the library that was found has no ncclGroupStart");
    }

    @Test
    void idsHaveALength() {
        assertThatThrownBy(() -> NcclCommunicator.join(new byte[3], 0, 1))
                .isInstanceOf(RunFailedException.class)
                .hasMessage("an id of NCCL has 128 bytes, not 3");
    }
}
