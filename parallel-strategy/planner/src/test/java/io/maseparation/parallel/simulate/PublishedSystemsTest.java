package io.maseparation.parallel.simulate;

import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.moe.HfConfig;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.Presets;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.Clusters;
import io.maseparation.parallel.cluster.CollectiveTable;
import io.maseparation.parallel.cluster.Collectives;
import io.maseparation.parallel.cluster.Launch;
import io.maseparation.parallel.cluster.LaunchTimes;
import io.maseparation.parallel.cluster.Link;
import io.maseparation.parallel.cluster.Links;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.Setup;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvFileSource;
import org.junit.jupiter.params.provider.CsvSource;

/** Whole models as others have measured them: no row of docs/simulation.md gets worse without notice. */
class PublishedSystemsTest {
    private static final double WORSE = 1.05;
    /** Published times have what the serving engine does in them, simulated ones do not. */
    private static final double MOST = 1.05;

    /** Prompt tokens of a step: vLLM's default then, the context of 32,768 of Mixtral-8x7B, in whole prompts. */
    private static final int CHUNK = 32_000;

    @ParameterizedTest
    @CsvFileSource(resources = "published-systems.csv")
    void noRowGetsWorse(
            String model, int devices, int in, int out, int batch, double published, String unit, double kept)
            throws URISyntaxException {
        Cluster cluster = Clusters.named("a100x" + devices);
        Setup setup = (devices == 1 ? Layout.single() : Layout.tensorPipeline(devices, 1)).withMicroBatches(1);
        ModelConfig config = model.equals("mixtral-8x22b")
                ? HfConfig.plan(Path.of(Objects.requireNonNull(getClass().getResource(model)).toURI()))
                : Presets.config(model);
        double tpotMs = tpotMs(config, setup, cluster, Scenario.decode(batch, in + out / 2));
        double simulated = unit.equals("ms")
                ? tpotMs
                : (out - 1) * tpotMs / 1e3
                        + new Simulation(Planning.plan(config, setup), cluster, Scenario.decode(batch, in)
                                .withSteps(1, 1)
                                .withPrefill(Math.min(in * batch, CHUNK)))
                                .run(false).speed().prefillMs() / 1e3;
        double ratio = simulated / published;

        assertThat(Math.abs(Math.log(ratio))).as("%.3f of published, was %.3f", ratio, kept)
                .isLessThanOrEqualTo(Math.abs(Math.log(kept)) + Math.log(WORSE));
        assertThat(ratio).isLessThanOrEqualTo(MOST);
    }

    /**
     * Attention and experts apart against together: vLLM's afd-plugin has 98.9 ms with 4A4F and 100.1 with DP8/EP8 for
     * Qwen3.5-122B-A10B, eager, on eight GPUs of one PCIe host. Which is not said: 61 GB of experts a GPU need 80 GB,
     * so A100 at PCIe 4.0 is assumed. That model's linear attention is not to be had here; GLM-4.5-Air is as large.
     * Most of the published 100 ms are neither kernels nor transfers but the same host in both, which brings them
     * together.
     */
    @Test
    void attentionAndExpertsApartComeAsNearAsTheyDid() {
        double kept = 1.481;
        ModelConfig config = Presets.config("glm-4.5-air");
        Cluster cluster = Clusters.named("a100x8").withLinks(Links.everywhere(new Link(10e-6, 25e9)), List.of());
        Scenario scenario = Scenario.decode(32, 1024 + 64).with(Conditions.USUAL.withLaunch(Launch.EAGER));
        double apart = tpotMs(config, Layout.separated(4, 4).withMicroBatches(1), cluster, scenario);
        double together = tpotMs(config, Layout.expertParallel(8).withMicroBatches(1), cluster, scenario);
        double ratio = apart / together / (98.9 / 100.1);

        assertThat(Math.abs(Math.log(ratio)))
                .as("%.2f ms over %.2f ms, %.3f of published, was %.3f", apart, together, ratio, kept)
                .isLessThanOrEqualTo(Math.abs(Math.log(kept)) + Math.log(WORSE));
    }

    /**
     * AIConfigurator's own model of separation, on H200 nodes of 8, from the same tables: attention bounds all. What it
     * does not count, starts of graphs and the all-reduces of a pair of attention ranks, is most of the difference.
     */
    @ParameterizedTest
    @CsvSource({
        // attention ranks, devices, ranks a group, batch, milliseconds there, most here of that; the same without those
        "8, 16, 1, 1792, 27.93, 1.10, 1.06", "24, 32, 1, 5376, 28.39, 1.10, 1.05",
        "8, 16, 2, 1792, 27.93, 1.20, 1.10", "24, 32, 2, 5376, 28.39, 1.20, 1.05"
    })
    void separationIsAboutAsFastAsInAnotherModel(
            int attention, int devices, int split, int batch, double others, double most, double alike) {
        Cluster cluster = Clusters.named("h200x" + devices);
        Layout layout = Layout.separated(attention, 8).withAttentionTensorParallel(split);
        assertThat(boundByAttention(layout, cluster, batch)).isBetween(others, most * others);

        Cluster theirs = cluster.withKinds(k -> k.with(
                k.roofline(), new LaunchTimes(5e-6, 1e-6, 0), k.hostBytesPerSecond(), rate -> rate))
                .withLinks(cluster.links(), List.of(new CollectiveTable(
                        CollectiveTable.Operation.ALL_REDUCE, Collectives.CUSTOM, 2,
                        List.of(new CollectiveTable.Point(1, 1e-9), new CollectiveTable.Point(1e9, 1e-9)))));
        assertThat(boundByAttention(layout, theirs, batch)).isBetween(others / 1.05, alike * others);
    }

    private static double boundByAttention(Layout layout, Cluster cluster, int batch) {
        SimulationResult result = new Simulation(
                Planning.plan(Presets.config("qwen3-30b-a3b"), layout.withMicroBatches(3)), cluster,
                Scenario.decode(batch, 4500).withSteps(3, 1)).run(false);
        assertThat(result.regime()).isEqualTo(SimulationResult.Regime.ATTENTION);
        assertThat(result.ranks().getFirst().busy()).isGreaterThan(0.98);
        return result.tpotMs();
    }

    private static double tpotMs(ModelConfig config, Setup setup, Cluster cluster, Scenario scenario) {
        return new Simulation(Planning.plan(config, setup), cluster, scenario.withSteps(4, 2)).tpotMs();
    }
}
