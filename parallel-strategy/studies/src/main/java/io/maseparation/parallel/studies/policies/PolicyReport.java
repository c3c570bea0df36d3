package io.maseparation.parallel.studies.policies;

import io.maseparation.parallel.change.LayoutChange;
import io.maseparation.parallel.present.Table;
import io.maseparation.parallel.present.Unit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Comparisons of policies, for people and for programs. */
public final class PolicyReport {
    private PolicyReport() {}

    /** One row per scenario and policy. */
    public static Table table(List<PolicyComparison> comparisons) {
        Table.Builder table = Table.builder()
                .column("scenario", "scenario", Unit.PLAIN)
                .column("policy", "policy", Unit.PLAIN)
                .column("tpot_ms", "TPOT", Unit.MILLISECONDS)
                .column("tpot_p50_ms", "p50", Unit.MILLISECONDS)
                .column("tpot_p99_ms", "p99", Unit.MILLISECONDS)
                .column("tps", "TPS", Unit.NUMBER)
                .column("change_against_static", "against static", Unit.PERCENT)
                .column("bound_ms", "bound", Unit.MILLISECONDS)
                .column("gap_recovered", "gap recovered", Unit.PERCENT)
                .column("imbalance", "imbalance", Unit.NUMBER)
                .column("layout", "layout at the end", Unit.TEXT_RIGHT)
                .column("changes", "changes", Unit.COUNT)
                .column("bytes_moved", "moved", Unit.BYTES)
                .column("copying_ms", "copying", Unit.MILLISECONDS)
                .column("paused_ms", "paused", Unit.MILLISECONDS);
        for (PolicyComparison comparison : comparisons) {
            for (PolicyResult r : comparison.results()) {
                table.row(comparison.scenario().name(), r.policy().id(), r.times().tpotMs(), r.times().tpotP50Ms(),
                        r.times().tpotP99Ms(),
                        r.times().tps(), comparison.change(r), r.times().boundMs(), comparison.gapRecovered(r),
                        r.imbalance(),
                        r.layout(), r.made(), r.bytesMoved(), r.copyingMs(), r.pausedMs());
            }
        }
        return table.build();
    }

    /** The same as objects, with what was compared and every change. */
    public static Map<String, Object> tree(List<PolicyComparison> comparisons) {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("source", "simulated");
        tree.put("scenarios", comparisons.stream().map(PolicyReport::tree).toList());
        return tree;
    }

    private static Map<String, Object> tree(PolicyComparison comparison) {
        PolicyScenario s = comparison.scenario();
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("scenario", s.name());
        tree.put("model", s.config().name());
        tree.put("cluster", s.start().cluster().name());
        tree.put("layout", s.setup().layout().name());
        tree.put("micro_batches", s.setup().batching().microBatches());
        tree.put("batch", s.first().batch());
        tree.put("context", s.first().context());
        tree.put("context_growth", s.growth());
        tree.put("routing", s.first().routing().description());
        tree.put("seed", s.first().seed());
        tree.put("steps", s.steps());
        tree.put("warmup_steps", s.warmup());
        tree.put("interval_steps", s.rule().interval());
        tree.put("horizon_steps", s.rule().horizon());
        tree.put("redundant_experts", s.redundantExperts());
        tree.put("copy_share", s.migration().linkShare());
        tree.put("switch_pause_ms", s.migration().pauseSeconds() * 1e3);
        List<Map<String, Object>> policies = new ArrayList<>(table(List.of(comparison)).objects());
        for (int i = 0; i < policies.size(); i++) {
            Map<String, Object> policy = policies.get(i);
            policy.remove("scenario");
            policy.put("changes", comparison.results().get(i).changes().stream().map(PolicyReport::tree).toList());
        }
        tree.put("policies", policies);
        return tree;
    }

    private static Map<String, Object> tree(LayoutChange change) {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("step", change.step());
        tree.put("kind", change.kind().name().toLowerCase(Locale.ROOT));
        tree.put("from", change.from());
        tree.put("to", change.to());
        tree.put("predicted_gain_ms", change.predictedGainMs());
        tree.put("bytes_moved", change.cost().bytesMoved());
        tree.put("copying_ms", change.cost().preparedMs());
        tree.put("paused_ms", change.cost().pausedMs());
        tree.put("outcome", change.outcome());
        return tree;
    }
}
