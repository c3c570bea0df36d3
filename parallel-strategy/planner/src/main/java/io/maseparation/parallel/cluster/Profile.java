package io.maseparation.parallel.cluster;

import java.util.List;

/**
 * What else a cluster's profile says, beside devices, links and collectives.
 *
 * @param engineStepSeconds what the serving engine itself adds to every step of all ranks: scheduling and sampling
 * @param errors how far the profile's numbers may be off
 * @param sources where the numbers come from, one line per number
 */
public record Profile(double engineStepSeconds, RelativeErrors errors, List<String> sources) {
    /** Copies the list. */
    public Profile {
        sources = List.copyOf(sources);
    }

    /**
     * An engine that takes no time, and the usual errors.
     *
     * @param sources where the numbers come from, one line per number
     */
    public Profile(List<String> sources) {
        this(0, RelativeErrors.USUAL, sources);
    }
}
