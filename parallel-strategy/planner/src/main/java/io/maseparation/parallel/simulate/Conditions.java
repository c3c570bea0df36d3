package io.maseparation.parallel.simulate;

import io.maseparation.kernels.DataType;
import io.maseparation.moe.Format;
import io.maseparation.moe.segments.Part;
import io.maseparation.moe.segments.Segment;
import io.maseparation.parallel.cluster.Collectives;
import io.maseparation.parallel.cluster.Launch;

/**
 * How the operations of a step are carried out, whatever the batch.
 *
 * @param launch how operations are started
 * @param collectives which measured tables are used
 * @param kvFormat format of the KV cache
 * @param activationBytes bytes of one activation, in memory and on the wire: 2 or 4
 * @param lmHead whether final norm and logits count
 */
public record Conditions(
        Launch launch, Collectives collectives, Format kvFormat, int activationBytes, boolean lmHead) {
    /** Graph launches, custom collectives, 16-bit KV cache and activations, the LM head counted. */
    public static final Conditions USUAL = new Conditions(Launch.GRAPH, Collectives.CUSTOM, Format.F16, 2, true);

    /**
     * {@return the same conditions with other launches and the collectives that usually go with them}
     *
     * @param other how operations are started
     */
    public Conditions withLaunch(Launch other) {
        return new Conditions(other, Collectives.usualWith(other), kvFormat, activationBytes, lmHead);
    }

    /**
     * {@return the part of a segment that counts: without final norm and logits, if those do not count}
     *
     * @param segment the segment
     */
    public Segment counted(Segment segment) {
        return lmHead
                ? segment
                : new Segment(
                        segment.name(),
                        segment.parts().stream().filter(p -> !(p instanceof Part.Output)).toList());
    }

    /**
     * {@return the same conditions with or without final norm and logits}
     *
     * @param counted whether final norm and logits count
     */
    public Conditions withLmHead(boolean counted) {
        return new Conditions(launch, collectives, kvFormat, activationBytes, counted);
    }

    /**
     * {@return the same conditions with other formats}
     *
     * @param kv format of the KV cache
     * @param bytesOfActivation bytes of one activation: 2 or 4
     */
    public Conditions withFormats(DataType kv, int bytesOfActivation) {
        return new Conditions(launch, collectives, Format.of(kv), bytesOfActivation, lmHead);
    }

    /**
     * {@return the same conditions with another KV cache}
     *
     * @param kv format of the KV cache
     */
    public Conditions withKvFormat(Format kv) {
        return new Conditions(launch, collectives, kv, activationBytes, lmHead);
    }
}
