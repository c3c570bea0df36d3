package io.maseparation.parallel.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.maseparation.moe.segments.Device;
import java.io.IOException;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The command line on TornadoVM's devices. */
@Tag("tornado")
class TornadoRunTest {
    private Device device;

    @BeforeEach
    void findDevice() {
        device = Device.forRanks(1).getFirst();
        assumeFalse(device.target().embedded(), "needs TornadoVM");
    }

    @Test
    void devicesAreListedWithTheirDrivers() throws IOException {
        CommandLineRun run = CommandLineRun.of("devices", "--format", "json");

        assertThat(run.err()).isEmpty();
        JsonNode first = new ObjectMapper().readTree(run.out()).get("devices").get(0);
        assertThat(first.get("driver").textValue()).isNotBlank();
        assertThat(first.get("hardware").textValue()).isNotBlank();
        assertThat(first.get("memory_bytes").longValue()).isPositive();
    }

    @Test
    void aRunSaysOnceWhatItRunsOn() throws IOException {
        CommandLineRun run = CommandLineRun.of(
                "generate", "-m", "tiny", "--prompt-ids", "7", "-n", "2", "--strategy", "ma", "--expert-devices", "1",
                "--format", "json");

        assertThat(run.status()).as(run.err()).isZero();
        assertThat(run.err())
                .hasLineCount(1)
                .startsWith("ma: on " + device.name() + " " + device.hardware())
                .contains("TornadoVM's " + device.backend() + " backend, driver " + device.driver(), " kernels (");
        assertThat(new ObjectMapper().readTree(run.out()).get("backend").textValue()).isEqualTo(device.backend());
    }

    @Test
    void aCacheThatTheDeviceCannotHold() {
        assumeFalse(device.target().fp16(), "has fp16");
        CommandLineRun run = CommandLineRun.of("generate", "-m", "tiny", "--prompt-ids", "7", "--kv-dtype", "f16");

        assertThat(run.status()).isEqualTo(1);
        assertThat(run.err())
                .hasLineCount(1)
                .startsWith("ma: --kv-dtype f16: " + device.name())
                .contains("use --kv-dtype f32");
    }

    @Test
    void aBackendThatIsNotThere() {
        assumeFalse(Device.all().stream().anyMatch(d -> d.backend().equals("ptx")), "has PTX");
        CommandLineRun run = CommandLineRun.of("devices", "--backend", "ptx");

        assertThat(run.status()).isEqualTo(1);
        assertThat(run.err()).hasLineCount(1).startsWith("ma: --backend ptx: TornadoVM has no such device here");
    }
}
