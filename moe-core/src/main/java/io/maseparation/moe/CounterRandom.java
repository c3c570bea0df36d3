package io.maseparation.moe;

/**
 * Random bits as a function of a key and a counter (the finaliser of SplitMix64, Steele, Lea and Flood 2014), so that
 * any part of a stream can be computed by any thread in any order.
 */
public final class CounterRandom {
    /** 2^64 divided by the golden ratio, odd: multiples of it are far apart. */
    public static final long GOLDEN = 0x9E3779B97F4A7C15L;

    private CounterRandom() {}

    /**
     * {@return 64 well mixed bits}
     *
     * @param key key of a stream of random numbers
     * @param counter index of the number in its stream
     */
    public static long bits(long key, long counter) {
        return mix(key + (counter + 1) * GOLDEN);
    }

    /** The finaliser: a bijection after which every bit depends on every bit of {@code value}. */
    public static long mix(long value) {
        long z = (value ^ (value >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }

    /**
     * {@return a key for a sub-stream}
     *
     * @param key key of a stream of random numbers
     * @param part index of the sub-stream
     */
    public static long key(long key, long part) {
        return bits(bits(key, part), ~part);
    }

    /** Uniform in [0, 1), 53 bits. */
    public static double uniform(long key, long counter) {
        return (bits(key, counter) >>> 11) * 0x1.0p-53;
    }
}
