package io.maseparation.parallel.studies.paper;

import io.maseparation.parallel.studies.paper.Claim.Kind;
import io.maseparation.parallel.studies.paper.Claim.Verdict;
import io.maseparation.parallel.studies.paper.Evidence.Sample;
import io.maseparation.parallel.studies.paper.Evidence.Scaling;
import io.maseparation.parallel.studies.paper.Evidence.Trial;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;

/** The paper's utilisation and efficiencies, which it does not define, by the definitions in docs/metrics.md. */
final class EfficiencyClaims {
    private final Evidence evidence;
    private final List<Claim> rows = new ArrayList<>();

    EfficiencyClaims(Evidence evidence) {
        this.evidence = evidence;
    }

    /** Utilisation, memory efficiency, scaling efficiency. */
    List<Claim> rows() {
        utilisation();
        memory();
        scaling();
        return List.copyOf(rows);
    }

    private void utilisation() {
        share("utilisation_ma", "GPU utilisation, MA", Paper.UTILISATION, evidence.threeToOne(),
                t -> t.point().busy(), first(evidence.fastest(Paper::isThreeToOne), s -> s.point().busy(),
                        Paper.UTILISATION),
                "taken as the share of time that a GPU computes, mean of 16");
        share("utilisation_baseline", "GPU utilisation, TP8×PP2", Paper.BASELINE_UTILISATION, evidence.baselines(),
                t -> t.point().busy(), Optional.empty(), "taken as the share of time that a GPU computes, mean of 16");
    }

    private void memory() {
        share("memory_efficiency_ma", "memory efficiency, MA", Paper.MEMORY_EFFICIENCY, evidence.threeToOne(),
                t -> t.point().memoryEfficiency(), first(evidence.fastest(Paper::isThreeToOne),
                        s -> s.point().memoryEfficiency(), Paper.MEMORY_EFFICIENCY),
                "taken as (unique weights + live KV) ÷ what all GPUs hold of both");
        share("memory_efficiency_baseline", "memory efficiency, TP8×PP2", Paper.BASELINE_MEMORY_EFFICIENCY,
                evidence.baselines(), t -> t.point().memoryEfficiency(), Optional.empty(),
                "taken as (unique weights + live KV) ÷ what all GPUs hold of both");
    }

    /** A claim that is a share of 1, by a definition of ours. */
    private void share(
            String id, String claim, double claimed, List<Trial> trials, ToDoubleFunction<Trial> value,
            Optional<Sample> later, String definition) {
        Trial nearest = Evidence.nearest(trials, value, claimed);
        double found = value.applyAsDouble(nearest);
        Verdict verdict = Claim.verdictOn(claimed, found);
        if (verdict.kind() == Kind.NOT_REPRODUCED) {
            verdict = new Verdict(Kind.UNDEFINED,
                    "undefined without its definition (%s)".formatted(Numbers.change(found / claimed - 1)));
        }
        rows.add(new Claim(id, claim, Quantity.share(claimed), Quantity.share(found), nearest.text(),
                new Quantity("≤ 100 %", 1), verdict,
                definition + later.filter(s -> s.batch() > Paper.BATCH)
                        .map(s -> "; with two matrices, top-2 and context 2048 reached from batch %d on (%s)".formatted(
                                s.batch(), s.point().name()))
                        .orElse("")));
    }

    private static Optional<Sample> first(List<Sample> samples, ToDoubleFunction<Sample> value, double least) {
        return samples.stream().filter(s -> value.applyAsDouble(s) >= least).findFirst();
    }

    private void scaling() {
        Scaling nearest = evidence.scaling().stream()
                .filter(Scaling::separated)
                .min(Comparator.comparingDouble(s -> Math.abs(s.efficiency() - Paper.SCALING_EFFICIENCY)))
                .orElseThrow();
        String all = evidence.scaling().stream()
                .map(s -> "%s: %s %s".formatted(s.definition(), s.layout(), Numbers.share(s.efficiency())))
                .collect(Collectors.joining("; "));
        rows.add(new Claim("scaling_efficiency", "scaling efficiency at 16 GPUs",
                Quantity.share(Paper.SCALING_EFFICIENCY), Quantity.share(nearest.efficiency()),
                "%s; %s; %s".formatted(nearest.definition(), nearest.layout(), Assumptions.USUAL.text()),
                Quantity.NONE,
                new Verdict(Kind.UNDEFINED, "undefined without strong or weak, and a batch"), all));
    }
}
