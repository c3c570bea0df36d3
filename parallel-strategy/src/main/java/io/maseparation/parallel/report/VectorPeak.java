package io.maseparation.parallel.report;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/** Multiply-adds in the Vector API. Loaded only where its module is. */
final class VectorPeak {
    private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
    /** Chains of dependent operations: more than latency times throughput of today's cores. */
    private static final int CHAINS = 10;

    private VectorPeak() {}

    static int bits() {
        return SPECIES.vectorBitSize();
    }

    /** Multiplies and adds; returns the number of floating-point operations. */
    static long multiplyAdds(int times) {
        FloatVector factor = FloatVector.broadcast(SPECIES, 0.5f);
        FloatVector term = FloatVector.broadcast(SPECIES, 1f);
        FloatVector a = term;
        FloatVector b = term;
        FloatVector c = term;
        FloatVector d = term;
        FloatVector e = term;
        FloatVector f = term;
        FloatVector g = term;
        FloatVector h = term;
        FloatVector i = term;
        FloatVector j = term;
        for (int t = 0; t < times; t++) {
            a = a.fma(factor, term);
            b = b.fma(factor, term);
            c = c.fma(factor, term);
            d = d.fma(factor, term);
            e = e.fma(factor, term);
            f = f.fma(factor, term);
            g = g.fma(factor, term);
            h = h.fma(factor, term);
            i = i.fma(factor, term);
            j = j.fma(factor, term);
        }
        float sum = a.add(b).add(c).add(d).add(e).add(f).add(g).add(h).add(i).add(j).lane(0);
        return 2L * CHAINS * SPECIES.length() * times + (Float.isNaN(sum) ? 1 : 0);
    }
}
