package io.maseparation.parallel.studies.paper;

import io.maseparation.parallel.present.Table;
import io.maseparation.parallel.present.Unit;
import java.util.List;
import java.util.Locale;

/**
 * A number of the paper and what became of it.
 *
 * @param id name for machines
 * @param claim what is claimed
 * @param claimed the number, as text
 * @param simulated the nearest that a simulation comes, as text
 * @param assumptions under which it comes nearest
 * @param bound what physics allows, as text; "-" where it sets none
 * @param kind kind of verdict
 * @param verdict verdict, in a few words
 * @param note what else is to be said; may be empty
 * @param claimedValue the number
 * @param simulatedValue what was simulated, in the same unit; NaN where that is no number
 * @param boundValue the bound, in the same unit; NaN where there is none
 */
record Claim(
        String id,
        String claim,
        String claimed,
        String simulated,
        String assumptions,
        String bound,
        Verdict kind,
        String verdict,
        String note,
        double claimedValue,
        double simulatedValue,
        double boundValue) {

    /** How a claim fares. */
    enum Verdict {
        /** A simulation gives the number. */
        REPRODUCED("Reproduced"),
        /** A simulation comes near. */
        WITHIN("Near"),
        /** No simulation comes near, though no bound forbids it. */
        NOT_REPRODUCED("Not reproduced"),
        /** A bound forbids it. */
        IMPOSSIBLE("Impossible"),
        /** The number means nothing without what the paper does not say. */
        UNDEFINED("Undefined without what the paper does not say"),
        /** Two numbers of the paper contradict each other. */
        INCONSISTENT("Inconsistent with the paper's other numbers"),
        /** The number is right of something else. */
        ELSEWHERE("True of other layouts");

        private final String words;

        Verdict(String words) {
            this.words = words;
        }

        String id() {
            return name().toLowerCase(Locale.ROOT);
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
    static final String NONE = "-";

    /** The verdict on a number that nothing forbids. */
    static Verdict kindOf(double claimed, double simulated) {
        double off = Math.abs(simulated / claimed - 1);
        return off <= REPRODUCED ? Verdict.REPRODUCED : off <= NEAR ? Verdict.WITHIN : Verdict.NOT_REPRODUCED;
    }

    /** The same in words. */
    static String wordsFor(double claimed, double simulated) {
        String off = Text.change(simulated / claimed - 1);
        return switch (kindOf(claimed, simulated)) {
            case REPRODUCED -> "reproduced (%s)".formatted(off);
            case WITHIN -> "within %s".formatted(Text.share(Math.abs(simulated / claimed - 1)));
            default -> "not reproduced (%s)".formatted(off);
        };
    }

    /** Claims as a table; the columns for people first. */
    static Table table(List<Claim> claims) {
        Table.Builder table = Table.builder()
                .column("id", "id", Unit.PLAIN)
                .column("claim", "claim", Unit.PLAIN)
                .column("claimed", "claimed", Unit.PLAIN)
                .column("simulated", "simulated", Unit.PLAIN)
                .column("assumptions", "assumptions that come nearest", Unit.PLAIN)
                .column("bound", "bound", Unit.PLAIN)
                .column("verdict", "verdict", Unit.PLAIN)
                .column("verdict_kind", "kind", Unit.PLAIN)
                .column("note", "note", Unit.PLAIN)
                .column("claimed_value", "claimed", Unit.NUMBER)
                .column("simulated_value", "simulated", Unit.NUMBER)
                .column("bound_value", "bound", Unit.NUMBER)
                .column("source", "source", Unit.PLAIN);
        for (Claim c : claims) {
            table.row(c.id, c.claim, c.claimed, c.simulated, c.assumptions, c.bound, c.verdict, c.kind.id(),
                    c.note, c.claimedValue, c.simulatedValue, c.boundValue, "simulated");
        }
        return table.build();
    }

    /** What is to be said beside the table, a sentence or more for each claim that needs it. */
    static List<String> notes(List<Claim> claims) {
        return claims.stream()
                .filter(c -> !c.note.isEmpty())
                .map(c -> "%s: %s.".formatted(c.claim, c.note))
                .toList();
    }
}
