package io.maseparation.parallel.studies.policies;

import static io.maseparation.parallel.present.Table.column;

import io.maseparation.parallel.change.LayoutChange;
import io.maseparation.parallel.present.Table;
import io.maseparation.parallel.present.Unit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.DoubleSummaryStatistics;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;

/** Comparisons of policies, for people and for programs. */
public final class PolicyReport {
    private PolicyReport() {}

    /** What comparisons come to, in at most three sentences: which policy is best, and by how much. */
    public static List<String> summary(List<PolicyComparison> comparisons) {
        Map<BalancingPolicy, DoubleSummaryStatistics> changes = new EnumMap<>(BalancingPolicy.class);
        Map<BalancingPolicy, Integer> best = new EnumMap<>(BalancingPolicy.class);
        for (PolicyComparison comparison : comparisons) {
            comparison.results().forEach(r -> changes
                    .computeIfAbsent(r.policy(), p -> new DoubleSummaryStatistics())
                    .accept(comparison.change(r)));
            comparison.results().stream()
                    .min(Comparator.comparingDouble(r -> r.times().tpotMs()))
                    .ifPresent(r -> best.merge(r.policy(), 1, Integer::sum));
        }
        Map.Entry<BalancingPolicy, DoubleSummaryStatistics> most = changes.entrySet().stream()
                .min(Comparator.comparingDouble(e -> e.getValue().getAverage()))
                .orElseThrow();
        DoubleSummaryStatistics of = most.getValue();
        String won = best.entrySet().stream()
                .map(e -> "%s on %d".formatted(e.getKey().id(), e.getValue()))
                .collect(Collectors.joining(", "));
        String first = most.getKey() == BalancingPolicy.STATIC
                ? "No policy has less TPOT than leaving everything as it is."
                : comparisons.size() == 1
                        ? "%s is best: %s than leaving everything as it is.".formatted(
                                most.getKey().id(), less(of.getAverage()))
                        : "%s is best on average: %s than leaving everything as it is, from %s to %s.".formatted(
                                most.getKey().id(), less(of.getAverage()), less(of.getMin()), less(of.getMax()));
        return comparisons.size() == 1
                ? List.of(first)
                : List.of(first, "Least TPOT of %d traces: %s.".formatted(comparisons.size(), won));
    }

    private static String less(double change) {
        return "%s %s TPOT".formatted(Unit.PERCENT.text(Math.abs(change)), change > 0 ? "more" : "less");
    }

    /** One row per scenario and policy. */
    public static Table table(List<PolicyComparison> comparisons) {
        record Row(PolicyComparison comparison, PolicyResult result) {
            PolicyResult.Times times() {
                return result.times();
            }
        }
        return Table.of(
                comparisons.stream().flatMap(c -> c.results().stream().map(r -> new Row(c, r))).toList(),
                column("scenario", "scenario", Unit.PLAIN, r -> r.comparison().scenario().name()),
                column("policy", "policy", Unit.PLAIN, r -> r.result().policy().id()),
                column("tpot_ms", "TPOT", Unit.MILLISECONDS, r -> r.times().tpotMs()),
                column("tpot_p50_ms", "p50", Unit.MILLISECONDS, r -> r.times().tpotP50Ms()),
                column("tpot_p99_ms", "p99", Unit.MILLISECONDS, r -> r.times().tpotP99Ms()),
                column("tps", "TPS", Unit.NUMBER, r -> r.times().tps()),
                column("change_against_static", "against static", Unit.PERCENT,
                        r -> r.comparison().change(r.result())),
                column("bound_ms", "bound", Unit.MILLISECONDS, r -> r.times().boundMs()),
                column("gap_recovered", "gap recovered", Unit.PERCENT, r -> r.comparison().gapRecovered(r.result())),
                column("imbalance", "imbalance", Unit.NUMBER, r -> r.result().imbalance()),
                column("layout", "layout at the end", Unit.TEXT_RIGHT, r -> r.result().layout()),
                column("changes", "changes", Unit.COUNT, r -> r.result().made()),
                column("bytes_moved", "moved", Unit.BYTES, r -> r.result().bytesMoved()),
                column("copying_ms", "copying", Unit.MILLISECONDS, r -> r.result().copyingMs()),
                column("paused_ms", "paused", Unit.MILLISECONDS, r -> r.result().pausedMs()));
    }

    /**
     * The same as objects, with what was compared and every change.
     *
     * @param words turns the reasons of changes that were refused, which name parameters, into what the reader knows
     */
    public static Map<String, Object> tree(List<PolicyComparison> comparisons, UnaryOperator<String> words) {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("source", "simulated");
        tree.put("summary", String.join(" ", summary(comparisons)));
        tree.put("scenarios", comparisons.stream().map(c -> tree(c, words)).toList());
        return tree;
    }

    private static Map<String, Object> tree(PolicyComparison comparison, UnaryOperator<String> words) {
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
            policy.put("changes", comparison.results().get(i).changes().stream()
                    .map(change -> tree(change, words))
                    .toList());
        }
        tree.put("policies", policies);
        return tree;
    }

    private static Map<String, Object> tree(LayoutChange change, UnaryOperator<String> words) {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("step", change.step());
        tree.put("kind", change.kind().name().toLowerCase(Locale.ROOT));
        tree.put("from", change.from());
        tree.put("to", change.to());
        tree.put("predicted_gain_ms", change.predictedGainMs());
        tree.put("bytes_moved", change.cost().bytesMoved());
        tree.put("copying_ms", change.cost().preparedMs());
        tree.put("paused_ms", change.cost().pausedMs());
        tree.put("outcome", words.apply(change.outcome()));
        return tree;
    }
}
