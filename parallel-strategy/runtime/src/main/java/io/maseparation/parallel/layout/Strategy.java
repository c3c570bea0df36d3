package io.maseparation.parallel.layout;

import java.util.Arrays;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;

/** How a model is spread over ranks. */
public enum Strategy {
    /** Everything on one rank. */
    SINGLE("single"),
    /** Heads, expert width and vocabulary split over tensor-parallel ranks, layers over pipeline stages. */
    TP_PP("tp-pp"),
    /** Attention on every rank, replicated or split inside groups, and whole experts spread over the same ranks. */
    EP("ep"),
    /** Attention on some ranks, replicated or split inside groups, and experts spread over others. */
    MA("ma");

    private final String id;

    Strategy(String id) {
        this.id = id;
    }

    /** {@return name on the command line and in results} */
    public String id() {
        return id;
    }

    /**
     * {@return the strategy of a name, if there is one}
     *
     * @param id a name, in any case
     */
    public static Optional<Strategy> of(String id) {
        String wanted = Objects.requireNonNull(id, "id").toLowerCase(Locale.ROOT);
        return Arrays.stream(values()).filter(s -> s.id.equals(wanted)).findFirst();
    }
}
