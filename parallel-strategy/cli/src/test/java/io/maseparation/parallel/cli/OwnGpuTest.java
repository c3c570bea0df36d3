package io.maseparation.parallel.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OwnGpuTest {
    private static Map<String, String> environment(String... values) {
        Map<String, String> environment = new HashMap<>();
        for (int i = 0; i < values.length; i += 2) {
            if (values[i + 1] != null) {
                environment.put(values[i], values[i + 1]);
            }
        }
        return environment;
    }

    /** Rank of the process on its host, what is visible, GPUs of the host, what the process is to see. */
    @ParameterizedTest
    @CsvSource({
        "0,, 4, 0", "3,, 4, 3", "5,, 4, 1",
        "1, '2,7', 8, 7", "2, '2,7', 8, 2", "1, 'GPU-a, GPU-b,', 8, GPU-b",
        // Nothing to choose: one GPU, one visible, none, or no launcher.
        "1,, 1,", "1, 3, 8,", "1, '', 8,", "1, -1, 8,", "1,, 0,", ",, 4,", "x,, 4,"})
    void processesOfAHostTakeItsGpusInTurn(String rank, String visible, int gpus, String own) {
        assertThat(OwnGpu.choice(
                environment("OMPI_COMM_WORLD_LOCAL_RANK", rank, "CUDA_VISIBLE_DEVICES", visible), gpus).orElse(null))
                .isEqualTo(own);
    }

    @Test
    void slurmNumbersProcessesToo() {
        assertThat(OwnGpu.choice(environment("SLURM_LOCALID", "2"), 3)).contains("2");
    }
}
