package io.maseparation.parallel.studies.paper;

import static io.maseparation.parallel.present.Table.column;

import io.maseparation.files.Identified;
import io.maseparation.parallel.present.Table;
import io.maseparation.parallel.present.Unit;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * A number of the paper and how it fares.
 *
 * @param id name for machines
 * @param claim what is claimed
 * @param claimed the number
 * @param simulated the nearest that a simulation comes
 * @param assumptions under which it comes nearest
 * @param bound what physics allows
 * @param verdict how it fares
 * @param note further remarks; may be empty
 */
record Claim(
        String id,
        String claim,
        Quantity claimed,
        Quantity simulated,
        String assumptions,
        Quantity bound,
        Verdict verdict,
        String note) {

    /**
     * A verdict.
     *
     * @param kind kind of verdict
     * @param words the verdict in a few words
     */
    record Verdict(Kind kind, String words) {}

    /** How a claim fares. */
    enum Kind implements Identified {
        /** A simulation gives the number. */
        REPRODUCED("Reproduced"),
        /** A simulation comes near. */
        WITHIN("Near"),
        /** No simulation comes near, though no bound forbids it. */
        NOT_REPRODUCED("Not reproduced"),
        /** A bound forbids it. */
        IMPOSSIBLE("Impossible"),
        /** The paper does not say enough for the number to have a meaning. */
        UNDEFINED("Undefined, since the paper does not say enough"),
        /** Two numbers of the paper contradict each other. */
        INCONSISTENT("Inconsistent with the paper's other numbers"),
        /** The number is right of something else. */
        ELSEWHERE("True of other layouts");

        private final String words;

        Kind(String words) {
            this.words = words;
        }

        /** For people. */
        String words() {
            return words;
        }
    }

    /** A deviation that counts as reproduced. */
    private static final double REPRODUCED = 0.02;
    /** A deviation that counts as near. */
    private static final double NEAR = 0.15;

    /** The verdict on a number that nothing forbids. */
    static Verdict verdictOn(double claimed, double simulated) {
        double off = simulated / claimed - 1;
        if (Math.abs(off) <= REPRODUCED) {
            return new Verdict(Kind.REPRODUCED, "reproduced (%s)".formatted(Numbers.change(off)));
        }
        return Math.abs(off) <= NEAR
                ? new Verdict(Kind.WITHIN, "within %s".formatted(Numbers.share(Math.abs(off))))
                : new Verdict(Kind.NOT_REPRODUCED, "not reproduced (%s)".formatted(Numbers.change(off)));
    }

    /** The verdict on a number that a bound may forbid: impossible if it does, otherwise not reproduced. */
    static Verdict verdictBeyond(boolean impossible, String limit, double claimed, double simulated) {
        return impossible
                ? new Verdict(Kind.IMPOSSIBLE, "impossible " + limit)
                : new Verdict(Kind.NOT_REPRODUCED, verdictOn(claimed, simulated).words());
    }

    /**
     * What claims come to, in three sentences: the paper's main number, how many numbers fare how, and what has that
     * gain instead.
     */
    static List<String> answer(List<Claim> claims) {
        Claim main = byId(claims, Claims.MAIN);
        Claim instead = byId(claims, Claims.INSTEAD);
        String kinds = Arrays.stream(Kind.values())
                .map(k -> Map.entry(k, claims.stream().filter(c -> c.verdict.kind() == k).count()))
                .filter(e -> e.getValue() > 0)
                .map(e -> "%d %s".formatted(e.getValue(), e.getKey().words().toLowerCase(Locale.ROOT)))
                .collect(Collectors.joining("; "));
        return List.of(
                "%s, %s in the paper: %s; the nearest simulation has %s (%s).".formatted(
                        main.claim, main.claimed.text(), main.verdict.words(), main.simulated.text(),
                        main.assumptions),
                "Of %d numbers: %s.".formatted(claims.size(), kinds),
                "A TPOT of %s %s: %s with %s.".formatted(instead.claimed.text(), instead.verdict.words(),
                        instead.simulated.text(), instead.assumptions));
    }

    private static Claim byId(List<Claim> claims, String id) {
        return claims.stream().filter(c -> c.id.equals(id)).findFirst().orElseThrow();
    }

    /** Claims as a table; the columns for people first. */
    static Table table(List<Claim> claims) {
        return Table.of(claims,
                column("id", "id", Unit.PLAIN, Claim::id),
                column("claim", "claim", Unit.PLAIN, Claim::claim),
                column("claimed", "claimed", Unit.PLAIN, c -> c.claimed.text()),
                column("simulated", "simulated", Unit.PLAIN, c -> c.simulated.text()),
                column("assumptions", "assumptions that come nearest", Unit.PLAIN, Claim::assumptions),
                column("bound", "bound", Unit.PLAIN, c -> c.bound.text()),
                column("verdict", "verdict", Unit.PLAIN, c -> c.verdict.words()),
                column("verdict_kind", "kind", Unit.PLAIN, c -> c.verdict.kind().id()),
                column("note", "note", Unit.PLAIN, Claim::note),
                column("claimed_value", "claimed", Unit.NUMBER, c -> c.claimed.value()),
                column("simulated_value", "simulated", Unit.NUMBER, c -> c.simulated.value()),
                column("bound_value", "bound", Unit.NUMBER, c -> c.bound.value()),
                column("source", "source", Unit.PLAIN, c -> "simulated"));
    }

    /** Remarks beside the table, one line for each claim that needs any. */
    static List<String> notes(List<Claim> claims) {
        return claims.stream()
                .filter(c -> !c.note.isEmpty())
                .map(c -> "%s: %s.".formatted(c.claim, c.note))
                .toList();
    }
}
